"""Every question to the version table, each with one sentence; rows in, `ModelVersion` out.

Functions take a connection, so that they work inside a caller's transaction. They change nothing;
`registering.py` and `transitions.py` write.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Sequence
from typing import Any, overload

from sqlalchemy import ColumnElement, Row, and_, bindparam, func, or_, select
from sqlalchemy.engine import Connection

from governance.errors import InvalidInputError, NoProductionVersionError, NotFoundError
from governance.registry.attachments import check_text
from governance.store.name_patterns import names_like
from governance.store.schema import model_registry, model_registry_tags
from governance.values import Kind, ModelVersion, Ref, Stage

INACTIVE = (Stage.RETIRED, Stage.FAILED)
MAX_PAGE = 1000

_versions = model_registry.c

# Built once: to build these costs more than to ask them.
_BY_ID = select(model_registry).where(_versions.id == bindparam("id"))
_BY_IDS = select(model_registry).where(_versions.id.in_(bindparam("ids", expanding=True)))
_AT_ONCE = 200  # SQLite takes only so many parameters
_BY_VERSION = select(model_registry).where(
    _versions.name == bindparam("model"), _versions.version == bindparam("version")
)
_IN_PRODUCTION = select(model_registry).where(
    _versions.name == bindparam("model"), _versions.stage == Stage.PRODUCTION
)
_BESIDE_PRODUCTION = select(model_registry).where(
    or_(
        _versions.id == bindparam("id"),
        and_(_versions.name == bindparam("model"), _versions.stage == Stage.PRODUCTION),
    )
)
_BY_CONTENT = select(model_registry).where(
    _versions.name == bindparam("model"),
    _versions.digest == bindparam("digest"),
    _versions.provenance_digest == bindparam("provenance"),
)


class Page(Sequence[ModelVersion]):
    """Versions of one page; `next_cursor` is `None` on the last."""

    def __init__(self, items: Sequence[ModelVersion], next_cursor: str | None) -> None:
        self._items = tuple(items)
        self.next_cursor = next_cursor

    @overload
    def __getitem__(self, index: int) -> ModelVersion: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ModelVersion]: ...
    def __getitem__(self, index: int | slice) -> ModelVersion | Sequence[ModelVersion]:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[ModelVersion]:
        return iter(self._items)

    def __repr__(self) -> str:
        return f"Page({[item.ref for item in self._items]}, next_cursor={self.next_cursor!r})"


def to_version(row: Row[Any], *, created: bool = False) -> ModelVersion:
    """A row of `model_registry` as the value that callers get."""
    return ModelVersion(
        id=row.id,
        name=row.name,
        version=row.version,
        stage=Stage(row.stage),
        model_type=row.model_type,
        kind=Kind(row.kind),
        digest=row.digest,
        artifact_path=row.artifact_path,
        format=row.format,
        size_bytes=row.size_bytes,
        created_by=row.created_by,
        created_at=row.created_at,
        registered_at=row.registered_at,
        description=row.description,
        tags=tuple(row.tags),
        metrics=row.metrics,
        metadata=row.metadata,
        manifest=row.manifest,
        created=created,
    )


def by_id(connection: Connection, version_id: str) -> ModelVersion | None:
    """The version with this id."""
    row = connection.execute(_BY_ID, {"id": version_id}).one_or_none()
    return None if row is None else to_version(row)


def rows_of(connection: Connection, ids: Sequence[str]) -> Iterator[Row[Any]]:
    """The rows with these ids, a few at a time, in no order; an id that is no more has none."""
    for first in range(0, len(ids), _AT_ONCE):
        yield from connection.execute(_BY_IDS, {"ids": ids[first : first + _AT_ONCE]}).all()


def by_version(connection: Connection, name: str, version: str) -> ModelVersion | None:
    """The version of a model with this number."""
    row = connection.execute(_BY_VERSION, {"model": name, "version": version}).one_or_none()
    return None if row is None else to_version(row)


def by_content(
    connection: Connection, name: str, digest: str, provenance_digest: str
) -> ModelVersion | None:
    """The latest version of a model with these bytes and this provenance.

    The few rows are compared here: asked to sort, SQLite takes the index of numbers and reads all
    versions of the model.
    """
    asked = {"model": name, "digest": digest, "provenance": provenance_digest}
    rows = connection.execute(_BY_CONTENT, asked).all()
    return to_version(max(rows, key=lambda row: row.version_order)) if rows else None


def in_production(connection: Connection, name: str) -> ModelVersion | None:
    """The version that decides now: at most one, by the partial unique index."""
    row = connection.execute(_IN_PRODUCTION, {"model": name}).one_or_none()
    return None if row is None else to_version(row)


def beside_production(
    connection: Connection, version_id: str, name: str
) -> tuple[ModelVersion | None, ModelVersion | None]:
    """The version of a model with this id, and the one that decides now, in one question."""
    rows = connection.execute(_BESIDE_PRODUCTION, {"id": version_id, "model": name}).all()
    found = [to_version(row) for row in rows]
    return (
        next((one for one in found if one.id == version_id), None),
        next((one for one in found if one.name == name and one.stage is Stage.PRODUCTION), None),
    )


def latest(connection: Connection, name: str, stage: Stage | None = None) -> ModelVersion | None:
    """The highest semantic version of a model, in a stage if one is given."""
    query = select(model_registry).where(_versions.name == name)
    if stage is not None:
        query = query.where(_versions.stage == stage)
    row = connection.execute(query.order_by(_versions.version_order.desc()).limit(1)).one_or_none()
    return None if row is None else to_version(row)


def resolve(connection: Connection, ref: ModelVersion | str) -> ModelVersion:
    """The one version that a reference means.

    Raises:
        InvalidInputError: no form of a reference.
        NotFoundError, NoProductionVersionError: the form is right and nothing is there.
    """
    wanted = Ref.parse(ref)
    found: ModelVersion | None
    if wanted.id is not None:
        found = by_id(connection, wanted.id)
    elif wanted.version is not None and wanted.name is not None:
        found = by_version(connection, wanted.name, wanted.version)
    elif wanted.stage is Stage.PRODUCTION and wanted.name is not None:
        found = in_production(connection, wanted.name)
        if found is None:
            raise NoProductionVersionError(
                f"no version of {wanted.name!r} is in production; promote one with "
                "promote_to_production"
            )
    else:
        found = latest(connection, wanted.name or "", wanted.stage)
    if found is None:
        shown = ref.ref if isinstance(ref, ModelVersion) else ref
        raise NotFoundError(
            f"{shown!r} is not registered; `governance registry list` shows what is"
        )
    return found


def page(
    connection: Connection,
    *,
    name: str | None = None,
    model_type: str | None = None,
    stage: Stage | None = None,
    active_only: bool = False,
    tag: str | None = None,
    limit: int = 100,
    cursor: str | None = None,
    patterns: Sequence[str] | None = None,
) -> Page:
    """Versions by name, newest version first; `cursor` goes on where a page ended.

    Args:
        patterns: only models whose names match one of them; ``None`` for all.
    """
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MAX_PAGE:
        raise InvalidInputError(f"limit must be a whole number from 1 to {MAX_PAGE}")
    for what, text in (("model_type", model_type), ("tag", tag)):
        if text is not None:
            check_text(text, what=what, limit=64)
    conditions: list[ColumnElement[bool]] = []
    if patterns is not None:
        conditions.append(names_like(_versions.name, patterns))
    if name is not None:
        conditions.append(_versions.name == name)
    if model_type is not None:
        conditions.append(_versions.model_type == model_type)
    if stage is not None:
        conditions.append(_versions.stage == stage)
    if active_only:
        conditions.append(_versions.stage.not_in(INACTIVE))
    query = select(model_registry)
    if tag is not None:
        query = query.join(model_registry_tags, model_registry_tags.c.version_id == _versions.id)
        conditions.append(model_registry_tags.c.tag == tag)
    if cursor is not None:
        after_name, after_order = _decode(cursor)
        conditions.append(
            or_(
                _versions.name > after_name,
                and_(_versions.name == after_name, _versions.version_order < after_order),
            )
        )
    rows = connection.execute(
        query.where(*conditions)
        .order_by(_versions.name, _versions.version_order.desc())
        .limit(limit + 1)
    ).all()
    more = len(rows) > limit
    last = rows[limit - 1] if more else None
    return Page(
        [to_version(row) for row in rows[:limit]],
        None if last is None else _encode(last.name, last.version_order),
    )


def counts(connection: Connection) -> dict[str, dict[str, int]]:
    """How many versions each model has in each stage."""
    found: dict[str, dict[str, int]] = {}
    for name, stage, number in connection.execute(
        select(_versions.name, _versions.stage, func.count())
        .group_by(_versions.name, _versions.stage)
        .order_by(_versions.name, _versions.stage)
    ):
        found.setdefault(name, {})[stage] = number
    return found


def artifact_paths(connection: Connection) -> frozenset[str]:
    """Every artifact folder that a version points at."""
    return frozenset(
        connection.execute(
            select(_versions.artifact_path).where(_versions.artifact_path != "")
        ).scalars()
    )


def _encode(*keys: str) -> str:
    return base64.urlsafe_b64encode(json.dumps(keys).encode()).decode()


def _decode(cursor: str) -> tuple[str, str]:
    try:
        keys = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii")))
        first, second = keys
        if (first + second).isascii() and (first + second).isprintable():
            return first, second
    except (ValueError, TypeError, AttributeError, binascii.Error) as error:
        raise InvalidInputError("the cursor is not one that list_models gave") from error
    raise InvalidInputError("the cursor is not one that list_models gave")
