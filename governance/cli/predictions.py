"""`governance predictions`: what `governance serve` logged."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from governance.cli.output import emit_record
from governance.cli.session import Location, Output, OutputOption
from governance.errors import InvalidInputError

app = typer.Typer(no_args_is_help=True)


@app.callback()
def predictions() -> None:
    """A group, although it has one command."""


@app.command()
def prune(
    context: typer.Context,
    days: Annotated[
        int | None,
        typer.Option(min=1, help="Keep so many days; GOVERNANCE_PREDICTION_LOG_DAYS if not given."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Remove nothing; say what would be.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Remove old hours of the prediction log, but for those that the drift scan still needs."""
    from governance.serving.retention import prune as removed

    location: Location = context.obj
    with location.open() as gov:
        kept = days or gov.settings.prediction_log_days
        if not kept:
            raise InvalidInputError(
                "say how many days are kept: --days, or GOVERNANCE_PREDICTION_LOG_DAYS"
            )
        emit_record(asdict(removed(gov, days=kept, dry_run=dry_run)), output)
