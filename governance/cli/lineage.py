"""`governance lineage`: where versions came from and what became of them, for people and tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from governance.cli.output import note
from governance.cli.session import Location
from governance.lineage.forms import Format


def lineage(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="Name of a model.")],
    version: Annotated[
        str | None, typer.Option(help="One version, by its number; the newest ones if not given.")
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", "-f", help="How it is written.")
    ] = Format.TEXT,
    limit: Annotated[int, typer.Option(help="So many versions, the newest.")] = 20,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write, instead of stdout.")
    ] = None,
) -> None:
    """Data, training, evidence, decisions, activations and drift as one graph.

    `openlineage` is a JSON array of run events, for a collector such as Marquez.
    """
    from governance.files import storage_errors, write_atomic
    from governance.lineage.showing import shown
    from governance.lineage.tracing import lineage_of

    location: Location = context.obj
    with location.open() as gov:
        asked = model if version is None else gov.registry.get_model(model, version)
        with gov.database.read() as connection:
            found = lineage_of(connection, asked, limit=limit)
    text = shown(found, form)
    if output is None:
        typer.echo(text, nl=False)
    else:
        with storage_errors(f"write {output}"):
            write_atomic(output, text.encode())
        note(f"{output} holds {len(found.nodes)} nodes and {len(found.edges)} edges")
    if found.note and form is not Format.TEXT:
        note(found.note)
