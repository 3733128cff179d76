"""`governance registry import`: a foreign trainer's manifest becomes a version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from governance.cli.output import emit_record, note
from governance.cli.registry import as_record
from governance.cli.session import (
    AtOption,
    ByOption,
    Location,
    Output,
    OutputOption,
    current_person,
    parsed_at,
)


def import_(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Model name.")],
    models_dir: Annotated[Path, typer.Option(help="The trainer's folder.")],
    candidate: Annotated[
        bool, typer.Option("--candidate", help="What waits there, not what is active.")
    ] = False,
    by: ByOption = None,
    at: AtOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Register a foreign trainer's manifest with its model files (document 004)."""
    from governance.decisions.manifests.importing import import_manifest

    location: Location = context.obj
    with location.open() as gov:
        found = import_manifest(
            gov.registry,
            name,
            models_dir,
            by=by or current_person(),
            candidate=candidate,
            at=parsed_at(at),
        )
        gov.files.catch_up()
    emit_record({**as_record(found), "created": found.created}, output)
    note(f"{found.ref} is registered; next: governance validate {found.ref}")
