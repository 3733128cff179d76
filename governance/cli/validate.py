"""`governance validate REF`: judge a trained version by its policy; `governance validation
backtest REF`: evaluate it again on a window of the past, without touching the registry.
"""

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
from governance.values import Verdict, parse_time

if TYPE_CHECKING:
    from governance.decisions.record import Decision

app = typer.Typer(no_args_is_help=True)

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


@app.callback()
def validation() -> None:
    """A group, although it has one command."""


@app.command()
def backtest(
    context: typer.Context,
    ref: Annotated[str, typer.Argument(help="id or name:1.2.0")],
    start: Annotated[str, typer.Option("--from", help="First moment, ISO 8601 with a zone.")],
    end: Annotated[
        str, typer.Option("--to", help="Moment behind the last one, and the evidence cut-off.")
    ],
    output: OutputOption = Output.TABLE,
) -> None:
    """Run the walk-forward evaluation of a version again on a past window; nothing is recorded."""
    location: Location = context.obj
    with location.open() as gov:
        found = gov.validation.backtest(
            ref, parse_time(start, what="--from"), parse_time(end, what="--to")
        )
    if output is Output.JSON:
        emit_record(found.as_json(), output)
    else:
        emit_rows(
            [{"split": split, **values} for split, values in found.rows_json().items()],
            output,
            columns=("split", "in_training", *next(iter(found.metrics.values()))),
            empty="no figures",
        )
    for warning in found.warnings:
        note(f"warning: {warning}")
    note(
        f"{found.model}:{found.version}: {found.rows} rows in {len(found.windows)} folds; "
        "nothing was recorded"
    )


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
