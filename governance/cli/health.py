"""`governance health check|drill [MODEL]`: are the champions intact, and would a rollback work?"""

from __future__ import annotations

from typing import Annotated

import typer

from governance.cli.output import emit_rows, note
from governance.cli.rollback import follow
from governance.cli.session import AtOption, Location, Output, OutputOption, parsed_at
from governance.errors import IntegrityError, NothingToRollBackError, UnavailableError

app = typer.Typer(no_args_is_help=True)

ModelArgument = Annotated[
    str | None, typer.Argument(help="Model name; all models if not given.", show_default=False)
]
_NEVER = "no version was ever in production"


@app.command()
def check(
    context: typer.Context,
    model: ModelArgument = None,
    at: AtOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Digest and load verdict of every champion; a broken one fails, and its target takes over.

    Exit 5: a champion was broken; 7: something could not be looked at.
    """
    location: Location = context.obj
    with location.open() as gov:
        reports = gov.health.check(model, at=parsed_at(at))
        if any(report.decision is not None for report in reports):
            follow(gov)
    emit_rows(
        [report.as_json() for report in reports],
        output,
        columns=("model", "version", "status", "target", "generation", "reason"),
        empty=_NEVER,
    )
    for report in reports:
        if report.decision is not None:
            ending = f"{report.target} took over" if report.target else "nothing is in production"
            note(f"{report.model}:{report.version} failed; {ending}")
    found = {report.status for report in reports}
    if found & {"corrupt", "unloadable"}:
        raise typer.Exit(IntegrityError.exit_code)
    if found & {"unavailable", "unknown"}:
        raise typer.Exit(UnavailableError.exit_code)


@app.command()
def drill(
    context: typer.Context,
    model: ModelArgument = None,
    at: AtOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Load the version that a rollback would go to, without rolling back.

    Exit 3: a model has nothing to roll back to, and should have; 7: it could not be tried.
    """
    location: Location = context.obj
    with location.open() as gov:
        reports = gov.health.drill(model, at=parsed_at(at))
    emit_rows(
        [report.as_json() for report in reports],
        output,
        columns=("model", "passed", "target", "duration_ms", "code", "reason"),
        empty=_NEVER,
    )
    if any(not report.stored for report in reports):
        raise typer.Exit(UnavailableError.exit_code)
    if any(report.alarming for report in reports):
        raise typer.Exit(NothingToRollBackError.exit_code)
