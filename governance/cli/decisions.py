"""`governance decision list|show|replay`: what was decided, from what, and does it still follow?"""

from __future__ import annotations

from typing import Annotated

import typer

from governance.cli.output import counted, emit_record, emit_rows, note, print_json
from governance.cli.session import Location, Output, OutputOption
from governance.cli.validate import emit_decision
from governance.errors import InvalidInputError, ReplayMismatchError

app = typer.Typer(no_args_is_help=True)

_COLUMNS = (
    "id",
    "operation",
    "model",
    "version",
    "verdict",
    "forced",
    "overridden",
    "generation",
    "by",
    "approved_by",
    "at",
)

_Id = Annotated[str, typer.Argument(help="Id of a decision; see `decision list`.")]


@app.command("list")
def list_(
    context: typer.Context,
    model: Annotated[str | None, typer.Argument(help="One model; all if not given.")] = None,
    operation: Annotated[
        str | None, typer.Option(help="validation, promotion, rollback or failover.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 50,
    output: OutputOption = Output.TABLE,
) -> None:
    """Stored decisions, the newest first; refused ones, too."""
    location: Location = context.obj
    with location.open() as gov:
        found = gov.promotion.decisions(model, operation=operation, limit=limit)
    emit_rows(
        [decision.as_json() for decision in found],
        output,
        columns=_COLUMNS,
        empty="nothing was decided yet",
    )


@app.command()
def show(
    context: typer.Context,
    decision_id: _Id,
    facts: Annotated[
        bool, typer.Option("--facts", help="With the frozen facts and policy (JSON).")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """One decision with every check, who made it and why."""
    location: Location = context.obj
    with location.open() as gov:
        decision = gov.promotion.decision(decision_id)
    record = decision.as_json()
    if facts:
        print_json({**record, "facts": decision.facts, "policy": decision.policy})
        return
    if output is Output.TABLE:
        emit_record({key: value for key, value in record.items() if key != "checks"}, output)
    emit_decision(decision, output)


@app.command()
def replay(
    context: typer.Context,
    decision_id: Annotated[str | None, typer.Argument(help="Id of a decision.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every stored decision.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Judge again from what was frozen; exit 5 if something else comes out."""
    if every is (decision_id is not None):
        raise InvalidInputError("name one decision, or give --all")
    location: Location = context.obj
    with location.open() as gov:
        if decision_id is not None:
            found = [gov.promotion.replay(decision_id)]
        else:
            found = list(gov.promotion.replay_all())
    wrong = [one for one in found if not one.same]
    rows = [one.as_json() for one in found]
    emit_rows(
        rows if decision_id or output is Output.JSON else [one.as_json() for one in wrong],
        output,
        columns=("id", "operation", "model", "version", "same", "replayable", "verdict", "reason"),
        empty="every decision comes out the same" if found else "nothing was decided yet",
    )
    odd = sum(not one.replayable for one in found)
    note(f"{counted(len(found), 'decision')} replayed, {len(wrong)} differ, {odd} not replayable")
    if wrong:
        raise ReplayMismatchError(
            f"{counted(len(wrong), 'decision')} do not follow from what was frozen in them; "
            "run `governance audit verify`"
        )
