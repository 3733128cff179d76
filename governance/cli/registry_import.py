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
from governance.values import ModelVersion


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
    """Register a foreign trainer's manifest with its model files (document 004).

    The kind, which chooses the default criteria of a promotion, is the declared one; trading for a
    model that governance.yaml does not declare.
    """
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
        why = _why_kind(found, declared=name in gov.config.models)
    emit_record({**as_record(found), "created": found.created}, output)
    note(f"its kind is {found.kind}: {why}")
    note(f"{found.ref} is registered; next: governance validate {found.ref}")


def _why_kind(version: ModelVersion, *, declared: bool) -> str:
    if not version.created:
        return "this manifest was registered with it before, and a version keeps its kind"
    if declared:
        return "governance.yaml declares it"
    return (
        "governance.yaml does not declare the model, and trading has the strictest criteria; "
        "to have another one, declare the model before its next version is imported, or say in the "
        f"policy file what is asked (models: {version.name})"
    )
