"""`governance validate REF`: judge a trained version by its policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from governance.cli.output import emit_record, emit_rows, note
from governance.cli.session import (
    AtOption,
    ByOption,
    Location,
    Output,
    OutputOption,
    current_person,
    parsed_at,
)
from governance.values import Verdict

if TYPE_CHECKING:
    from governance.decisions.record import Decision

EXIT = {Verdict.PASS: 0, Verdict.FAIL: 3, Verdict.INSUFFICIENT: 4}


def validate(
    context: typer.Context,
    ref: Annotated[str, typer.Argument(help="id or name:1.2.0")],
    by: ByOption = None,
    at: AtOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Load probe, provenance and metrics against the policy; exit 3: failed, 4: insufficient."""
    location: Location = context.obj
    with location.open() as gov:
        decision = gov.validate(ref, by=by or current_person(), at=parsed_at(at))
        gov.files.catch_up()
    emit_decision(decision, output)
    raise typer.Exit(EXIT[decision.verdict])


def emit_decision(decision: Decision, output: Output) -> None:
    """A decision with its checks."""
    if output is Output.JSON:
        emit_record(decision.as_json(), output)
        return
    emit_rows(
        [check.as_json() for check in decision.checks],
        output,
        columns=("gate", "result", "observed", "threshold", "mode", "reason"),
        empty="no checks",
    )
    forced = ", FORCED" if decision.forced else ""
    forced += ", OVERRIDDEN" if decision.overridden else ""
    ref = f"{decision.model}:{decision.version}"
    note(f"{ref}: {decision.operation}: gates {decision.verdict}{forced}")
