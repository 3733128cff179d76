"""Models, one row for each name: how many versions in which stage, what is newest, what decides.

A page takes the same number of queries however many models it shows. ``records`` asks for versions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select

from governance.errors import InvalidInputError, NotFoundError
from governance.registry.records import MAX_PAGE
from governance.store.name_patterns import names_like
from governance.store.schema import governed_models, model_registry
from governance.values import Stage, check_model_name

_heads = governed_models.c
_versions = model_registry.c


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """
    Attributes:
        generation: how often a version was activated; the value for ``expected_generation``.
        stages: number of versions by stage. latest: the highest number. production: the number
            that decides, if one does. kind, model_type: of the latest version.
    """

    name: str
    generation: int
    created_at: datetime
    versions: int
    stages: dict[str, int]
    latest: str | None
    kind: str | None
    model_type: str | None
    production: str | None


def models(
    connection: Connection,
    *,
    patterns: Sequence[str] | None = None,
    limit: int = 100,
    after: str | None = None,
) -> list[ModelRow]:
    """Up to ``limit`` models by name, behind ``after``; only names that match ``patterns``."""
    if type(limit) is not int or not 1 <= limit <= MAX_PAGE:
        raise InvalidInputError(f"limit must be a whole number from 1 to {MAX_PAGE}")
    query = select(governed_models).where(names_like(_heads.name, patterns))
    if after is not None:
        query = query.where(_heads.name > check_model_name(after))
    return _rows(connection, connection.execute(query.order_by(_heads.name).limit(limit)).all())


def model(connection: Connection, name: str) -> ModelRow:
    """
    Raises:
        NotFoundError: no version of it was ever registered.
    """
    found = connection.execute(
        select(governed_models).where(_heads.name == check_model_name(name))
    ).all()
    if not found:
        raise NotFoundError(f"no model {name!r}; `governance registry list` shows the names")
    return _rows(connection, found)[0]


def _rows(connection: Connection, heads: Sequence[Row[Any]]) -> list[ModelRow]:
    names = [head.name for head in heads]
    stages: dict[str, dict[str, int]] = {}
    for name, stage, number in connection.execute(
        select(_versions.name, _versions.stage, func.count())
        .where(_versions.name.in_(names))
        .group_by(_versions.name, _versions.stage)
        .order_by(_versions.name, _versions.stage)
    ):
        stages.setdefault(name, {})[stage] = number
    newest = (
        select(_versions.name, func.max(_versions.version_order).label("top"))
        .where(_versions.name.in_(names))
        .group_by(_versions.name)
        .subquery()
    )
    latest = {
        row.name: row
        for row in connection.execute(
            select(_versions.name, _versions.version, _versions.kind, _versions.model_type).join(
                newest,
                and_(newest.c.name == _versions.name, newest.c.top == _versions.version_order),
            )
        )
    }
    live = {
        row.name: row.version
        for row in connection.execute(
            select(_versions.name, _versions.version).where(
                _versions.name.in_(names), _versions.stage == "production"
            )
        )
    }
    return [
        ModelRow(
            name=head.name,
            generation=head.generation,
            created_at=head.created_at,
            versions=sum(stages.get(head.name, {}).values()),
            stages=stages.get(head.name, {}),
            latest=latest[head.name].version if head.name in latest else None,
            kind=latest[head.name].kind if head.name in latest else None,
            model_type=latest[head.name].model_type if head.name in latest else None,
            production=live.get(head.name),
        )
        for head in heads
    ]


def count(connection: Connection, *, patterns: Sequence[str] | None = None) -> int:
    """How many models there are."""
    asked = select(func.count()).where(names_like(_heads.name, patterns))
    return int(connection.execute(asked.select_from(governed_models)).scalar_one())


def stages(connection: Connection, *, patterns: Sequence[str] | None = None) -> dict[str, int]:
    """How many versions of them are in each stage; a stage without any has 0."""
    rows = connection.execute(
        select(_versions.stage, func.count())
        .where(names_like(_versions.name, patterns))
        .group_by(_versions.stage)
    )
    found = {stage: number for stage, number in rows}
    return {stage.value: found.get(stage.value, 0) for stage in Stage}
