"""Registration as a protocol that may be killed at any line.

1. The members are staged (written and synced) beside the store, which is held until the end so
   that no clean-up takes them; the digest follows from their bytes.
2. Identical bytes with equal provenance under the name: the existing version is the answer.
3. The number is chosen, the id follows from name, number and digest, and the folder is published
   under it: still invisible, since no record points at it.
4. One transaction writes the record, its tags and the audit entry. From here on it exists.

Killed before 4, an orphan folder remains, which the same call takes over and `governance registry
gc` removes. Two callers who chose the same number meet in the unique constraint: the loser looks
again. Nothing is parsed here; whether the bytes load is a question of validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection

from governance.errors import ConflictError, VersionExistsError
from governance.history.audit import append_entry
from governance.registry import documents, home_owner, records
from governance.registry.artifacts import ArtifactStore, StagedArtifact
from governance.registry.heads import ensure_head, lock_head
from governance.store.database import Database, database_time
from governance.store.schema import model_registry, model_registry_tags
from governance.values import Kind, ModelVersion, SemanticVersion, Stage, version_id

_ATTEMPTS = 50
_FIRST = SemanticVersion(1, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A checked request. `version` is `None` where a number is to be assigned."""

    name: str
    version: SemanticVersion | None
    model_type: str
    kind: Kind
    format: str
    description: str
    tags: tuple[str, ...]
    metrics: Mapping[str, Any]
    metadata: Mapping[str, Any]
    manifest: Mapping[str, Any]
    provenance_digest: str
    feature_spec: Mapping[str, Any] | None
    created_by: str
    at: datetime | None


def register(
    database: Database,
    artifacts: ArtifactStore,
    request: Registration,
    members: Mapping[str, bytes | Path] | None,
) -> ModelVersion:
    """The version of this request: a new one (`created`), or the one that it already is.

    Args:
        members: file name to content or path; `None` declares a draft.

    Raises:
        VersionExistsError: the number asked for belongs to other bytes or another provenance.
        ConflictError: other registrations of the model took every number that was tried.
    """
    for _ in range(_ATTEMPTS):
        with nullcontext() if members is None else artifacts.publishing():
            staged = None if members is None else artifacts.stage(members)
            try:
                return _attempt(database, artifacts, request, staged)
            except _NumberTaken:
                continue
            finally:
                if staged is not None:
                    artifacts.discard(staged)
    raise ConflictError(
        f"{request.name!r}: {_ATTEMPTS} numbers in a row were taken by other registrations; "
        "repeat the call"
    )


def _attempt(
    database: Database,
    artifacts: ArtifactStore,
    request: Registration,
    staged: StagedArtifact | None,
) -> ModelVersion:
    with database.read() as connection:
        existing = _existing(connection, request, staged)
        version = existing or _plan(connection, request, staged)
    if staged is None:
        return existing or _record(database, request, version)
    # For an existing version this brings back a folder that was lost.
    artifacts.publish(
        staged,
        relative_path=version.artifact_path,
        documents=documents.render(version, request.feature_spec),
    )
    if existing is None:
        try:
            version = _record(database, request, version)
        except _NumberTaken as taken:
            # The number belongs to another id for good, so nobody can need this folder.
            if taken.by != version.id:
                artifacts.remove(version.artifact_path)
            raise
    home_owner.claim(database, artifacts.home)
    return version


class _NumberTaken(Exception):
    """Another registration took the number between the plan and the record."""

    def __init__(self, by: str) -> None:
        super().__init__(by)
        self.by = by


def _existing(
    connection: Connection, request: Registration, staged: StagedArtifact | None
) -> ModelVersion | None:
    number = None if request.version is None else str(request.version)
    found = None if number is None else records.by_version(connection, request.name, number)
    if found is not None:
        if found.stage is Stage.DRAFT:
            return found if staged is None else None  # declared again; or its bytes arrive now
        if staged is None:
            raise VersionExistsError(f"{found.ref} is {found.stage} already; draft another version")
        if found.digest == staged.digest and _provenance_of(connection, found) == (
            request.provenance_digest
        ):
            return found
        raise VersionExistsError(
            f"{found.ref} exists with other bytes or another provenance; versions are immutable, "
            "register under another number or leave version out"
        )
    if number is None and staged is not None:
        return records.by_content(
            connection, request.name, staged.digest, request.provenance_digest
        )
    return None


def _provenance_of(connection: Connection, version: ModelVersion) -> str:
    found = connection.execute(
        select(model_registry.c.provenance_digest).where(model_registry.c.id == version.id)
    ).scalar_one()
    return str(found)


def _plan(
    connection: Connection, request: Registration, staged: StagedArtifact | None
) -> ModelVersion:
    highest = records.latest(connection, request.name)
    number = request.version or (
        _FIRST if highest is None else SemanticVersion.parse(highest.version).next_patch()
    )
    now = database_time(connection)
    registered_at = request.at or now
    digest = "" if staged is None else staged.digest
    identity = version_id(request.name, str(number), digest)
    return ModelVersion(
        id=identity,
        name=request.name,
        version=str(number),
        stage=Stage.DRAFT if staged is None else Stage.TRAINED,
        model_type=request.model_type,
        kind=request.kind,
        digest=digest,
        artifact_path=""
        if staged is None
        else f"models/{request.name}/{registered_at.date().isoformat()}/{identity}",
        format=request.format,
        size_bytes=0 if staged is None else staged.size_bytes,
        created_by=request.created_by,
        created_at=now,
        registered_at=registered_at,
        description=request.description,
        tags=request.tags,
        metrics=request.metrics,
        metadata=request.metadata,
        manifest={**request.manifest, "members": {} if staged is None else dict(staged.members)},
        created=True,
    )


def _record(database: Database, request: Registration, version: ModelVersion) -> ModelVersion:
    with database.begin() as tx:
        ensure_head(tx, version.name, created_at=version.created_at)
        lock_head(tx, version.name)  # numbers are given one at a time
        taken = records.by_version(tx, version.name, version.version)
        if taken is not None and (taken.stage is not Stage.DRAFT or version.digest == ""):
            raise _NumberTaken(taken.id)
        row = {
            "id": version.id,
            "name": version.name,
            "version": version.version,
            "version_order": SemanticVersion.parse(version.version).sort_key,
            "stage": version.stage,
            "model_type": version.model_type,
            "kind": version.kind,
            "digest": version.digest,
            "provenance_digest": request.provenance_digest,
            "artifact_path": version.artifact_path,
            "format": version.format,
            "size_bytes": version.size_bytes,
            "description": version.description,
            "tags": version.tags,
            "metrics": version.metrics,
            "metadata": version.metadata,
            "manifest": version.manifest,
            "feature_spec": request.feature_spec,
            "created_by": version.created_by,
            "created_at": version.created_at,
            "registered_at": version.registered_at,
        }
        if taken is not None:
            tx.execute(update(model_registry).where(model_registry.c.id == taken.id).values(**row))
            tx.execute(
                model_registry_tags.delete().where(model_registry_tags.c.version_id == version.id)
            )
        else:
            tx.execute(insert(model_registry).values(**row))
        if version.tags:
            tx.execute(
                insert(model_registry_tags),
                [{"version_id": version.id, "tag": tag} for tag in version.tags],
            )
        append_entry(
            tx,
            actor=version.created_by,
            action="version.registered" if version.digest else "version.drafted",
            model=version.name,
            version_id=version.id,
            details={
                "version": version.version,
                "stage": version.stage,
                "digest": version.digest,
                "provenance_digest": request.provenance_digest,
                "format": version.format,
                "at": version.registered_at,
                **({"draft_id": taken.id} if taken is not None else {}),
            },
        )
    return version
