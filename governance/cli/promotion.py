"""`governance promotion check|promote|history`: may a version decide, make it so, who was live."""

from __future__ import annotations

from typing import Annotated

import typer

from governance.cli.output import emit_rows, note
from governance.cli.policy import parsed_changes
from governance.cli.rollback import follow
from governance.cli.session import (
    AtOption,
    ByOption,
    Location,
    Output,
    OutputOption,
    current_person,
    parsed_at,
)
from governance.cli.validate import EXIT, emit_decision
from governance.values import check_model_name

app = typer.Typer(no_args_is_help=True)

_Ref = Annotated[str, typer.Argument(help="id, name:1.2.0 or name@staging")]
_APPROVED_BY = "Who approved, if no --approval is given; must be one who may, with --force as well."
_Changes = Annotated[
    list[str] | None,
    typer.Option("--set", help="KEY=VALUE laid over the policy for this call; repeatable."),
]


@app.command()
def check(
    context: typer.Context,
    ref: _Ref,
    changes: _Changes = None,
    at: AtOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """What would the gates say? Nothing is stored. Exit 3: they refuse, 4: evidence is missing."""
    location: Location = context.obj
    with location.open() as gov:
        eligible, decision = gov.promotion.check_promotion_eligibility(
            ref, overrides=parsed_changes(changes or ()), at=parsed_at(at)
        )
    emit_decision(decision, output)
    name = f"{decision.model}:{decision.version}"
    if eligible:
        note(f"next: governance promotion promote {name}")
    elif decision.awaits_approval:
        note(f"next: governance approval request {name} --key KEY")
    if decision.overridden:
        note("what --set asks less than the policy needs --approved-by and --reason to be promoted")
    raise typer.Exit(EXIT[decision.verdict])


@app.command()
def promote(
    context: typer.Context,
    ref: _Ref,
    force: Annotated[bool, typer.Option("--force", help="Skip the gates; needs --reason.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why; goes into the record.")] = None,
    changes: _Changes = None,
    approval: Annotated[
        str | None, typer.Option(help="Id of an answered approval; it is used up.")
    ] = None,
    approved_by: Annotated[str | None, typer.Option(help=_APPROVED_BY)] = None,
    expected_generation: Annotated[
        int | None, typer.Option(help="Refuse if the model was activated since.")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="The same key gives the same answer.")
    ] = None,
    by: ByOption = None,
    at: AtOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a version the one that decides. Without --force the gates must pass."""
    location: Location = context.obj
    with location.open() as gov:
        decision = gov.promotion.promote_to_production(
            ref,
            by=by or current_person(),
            approved_by=approved_by,
            approval_id=approval,
            force=force,
            reason=reason,
            overrides=parsed_changes(changes or ()),
            expected_generation=expected_generation,
            idempotency_key=idempotency_key,
            at=parsed_at(at),
        )
        follow(gov)
    emit_decision(decision, output)
    note(f"{decision.model}:{decision.version} is in production (generation {decision.generation})")


@app.command()
def history(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="Model name.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Which version was live from when on, oldest first."""
    location: Location = context.obj
    with location.open() as gov:
        rows = gov.promotion.history(check_model_name(model))
    emit_rows(
        rows,
        output,
        columns=("generation", "version", "operation", "forced", "effective_at", "by", "reason"),
        empty=f"no version of {model} was ever in production",
    )
