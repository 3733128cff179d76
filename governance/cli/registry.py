"""`governance registry list|show|register|gc`."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

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
from governance.errors import InvalidInputError
from governance.values import ModelVersion, Stage

app = typer.Typer(no_args_is_help=True)

_PROVENANCE = (
    "dataset_hash",
    "feature_graph_hash",
    "training_config_hash",
    "git_commit",
    "git_dirty",
    "seed",
    "trained_end",
    "python",
)


def as_record(version: ModelVersion) -> dict[str, Any]:
    """A version for people and programs, without its long provenance."""
    return {
        "id": version.id,
        "name": version.name,
        "version": version.version,
        "stage": version.stage,
        "model_type": version.model_type,
        "kind": version.kind,
        "format": version.format,
        "digest": version.digest,
        "size_bytes": version.size_bytes,
        "artifact_path": version.artifact_path,
        "created_by": version.created_by,
        "created_at": version.created_at,
        "registered_at": version.registered_at,
        "description": version.description,
        "tags": version.tags,
        "metrics": version.metrics,
        "metadata": version.metadata,
    }


@app.command("list")
def list_(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Only this model.")] = None,
    stage: Annotated[Stage | None, typer.Option(help="Only this stage.")] = None,
    model_type: Annotated[str | None, typer.Option(help="Only this type.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only versions with this tag.")] = None,
    active: Annotated[bool, typer.Option("--active", help="Not retired, not failed.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Versions on a page.")] = 100,
    cursor: Annotated[str | None, typer.Option(help="Where the last page ended.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Versions by name, the newest number first."""
    location: Location = context.obj
    with location.open() as gov:
        page = gov.registry.list_models(
            name,
            model_type=model_type,
            stage=stage,
            active_only=active,
            tag=tag,
            limit=limit,
            cursor=cursor,
        )
    emit_rows(
        [as_record(version) for version in page],
        output,
        columns=("name", "version", "stage", "id", "registered_at"),
        empty="nothing matches"
        if any((name, stage, model_type, tag, active, cursor))
        else "nothing is registered; `governance retrain run MODEL` or register_model does it",
        extra={"next_cursor": page.next_cursor},
    )
    if page.next_cursor and output is Output.TABLE:
        note(f"more: --cursor {page.next_cursor}")


@app.command()
def show(
    context: typer.Context,
    ref: Annotated[str, typer.Argument(help="id, name:1.2.0 or name@production")],
    output: OutputOption = Output.TABLE,
) -> None:
    """One version with its provenance; `--output json` has the whole manifest."""
    location: Location = context.obj
    with location.open() as gov:
        version = gov.registry.resolve(ref)
    record = as_record(version)
    if output is Output.JSON:
        record["manifest"] = version.manifest
    else:
        record |= {key: version.manifest.get(key) for key in _PROVENANCE}
    emit_record(record, output)


@app.command()
def register(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Model name.")],
    path: Annotated[Path, typer.Argument(help="Artifact: a file, or a folder of model.* files.")],
    model_type: Annotated[str, typer.Option(help="Free word, for example lightgbm.")],
    version: Annotated[str | None, typer.Option(help="Semantic version; else assigned.")] = None,
    dataset: Annotated[
        list[Path] | None, typer.Option(help="File it was trained on; may be repeated.")
    ] = None,
    feature: Annotated[
        list[str] | None, typer.Option(help="Feature (column) name, in order; may be repeated.")
    ] = None,
    metrics: Annotated[str | None, typer.Option(help='JSON object, {"auc": 0.7}.')] = None,
    config: Annotated[Path | None, typer.Option(help="JSON file of the training config.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Tag; may be repeated.")] = None,
    description: Annotated[str, typer.Option(help="What is new in it.")] = "",
    by: ByOption = None,
    at: AtOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Store an artifact with its provenance; nothing is parsed or judged."""
    location: Location = context.obj
    with location.open() as gov:
        found = gov.registry.register_model(
            name,
            model_path=path,
            model_type=model_type,
            version=version,
            dataset_paths=dataset or (),
            features=feature or None,
            metrics=None if metrics is None else _json_object(metrics, "--metrics"),
            config=None if config is None else _json_object(_read(config), f"{config}"),
            tags=tag or (),
            description=description,
            created_by=by or current_person(),
            at=parsed_at(at),
        )
        gov.files.catch_up()
    emit_record({**as_record(found), "created": found.created}, output)
    note(
        f"{found.ref} registered; next: governance validate {found.ref}"
        if found.created
        else f"these bytes are registered already as {found.ref} ({found.stage})"
    )


@app.command()
def gc(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list them.")] = False,
    older_than_minutes: Annotated[
        int, typer.Option(min=0, help="Leave younger artifact folders alone.")
    ] = 60,
    runs_older_than_days: Annotated[
        int, typer.Option(min=0, help="Leave folders of younger runs alone.")
    ] = 30,
    output: OutputOption = Output.TABLE,
) -> None:
    """Remove artifact folders that no version points at, and folders of old retrain runs.

    A home that belongs to another database is refused, and nothing is removed.
    """
    from governance.registry.clean_up import collect_garbage
    from governance.store.database import database_time
    from governance.training.old_runs import old_runs, remove_runs

    location: Location = context.obj
    with location.open() as gov:
        with gov.database.read() as connection:
            now = database_time(connection)
        orphans = collect_garbage(
            gov.database,
            gov.artifacts,
            older_than=timedelta(minutes=older_than_minutes),
            dry_run=dry_run,
        )
        runs = old_runs(gov.settings.home, before=now - timedelta(days=runs_older_than_days))
        if not dry_run:
            remove_runs(gov.settings.home, runs)
    emit_rows(
        [
            {"path": path, "what": what, "removed": not dry_run}
            for what, paths in (("orphan", orphans), ("old run", runs))
            for path in paths
        ],
        output,
        columns=("path", "what", "removed"),
        empty="nothing to remove",
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} cannot be read as text: {error}") from error


def _json_object(text: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InvalidInputError(f"{where} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidInputError(f"{where} must be a JSON object")
    return value
