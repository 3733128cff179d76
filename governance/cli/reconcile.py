"""`governance reconcile`: every file that follows from the database, as the database has it."""

from __future__ import annotations

from typing import Annotated

import typer

from governance.cli.output import counted, emit_record, note
from governance.cli.session import Location, Output, OutputOption
from governance.errors import ConflictError


def reconcile(
    context: typer.Context,
    adopt: Annotated[
        bool,
        typer.Option(
            "--adopt", help="Take over a home of another database, or after a restored backup."
        ),
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 3 if anything differs.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Write again what follows from the database, and say what was mended (--check: what differs).

    These are registry_index.json and the documents of each version, the links and manifests below
    active/, and the status keys.
    """
    location: Location = context.obj
    with location.open() as gov:
        done = gov.files.reconcile(adopt=adopt, dry_run=check)
    names = list(done.mended)
    found = names if output is Output.JSON else len(names)
    emit_record({"files_written": done.written, "differ" if check else "mended": found}, output)
    if output is Output.TABLE:
        for name in done.mended:
            note(f"{'differs' if check else 'mended'}: {name}")
    if check and done.mended:
        raise ConflictError(
            f"{counted(len(done.mended), 'file')} differ from the database; "
            "`governance reconcile` writes them again"
        )
