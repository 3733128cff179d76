"""`governance promotion promote|history`: put a version into production, and who was live when."""

from __future__ import annotations

from typing import Annotated

import typer

from governance.cli.output import emit_rows, note
from governance.cli.session import (
    AtOption,
    ByOption,
    Location,
    Output,
    OutputOption,
    current_person,
    parsed_at,
)
from governance.cli.validate import emit_decision
from governance.values import check_model_name

app = typer.Typer(no_args_is_help=True)


@app.command()
def promote(
    context: typer.Context,
    ref: Annotated[str, typer.Argument(help="id or name:1.2.0")],
    force: Annotated[bool, typer.Option("--force", help="Skip the gates; needs --reason.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why; goes into the record.")] = None,
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
            force=force,
            reason=reason,
            expected_generation=expected_generation,
            idempotency_key=idempotency_key,
            at=parsed_at(at),
        )
        gov.files.catch_up()
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
