"""Whose lineage: a model with its newest versions, or one version. Reads; no rights are asked here.

The number of statements is fixed (a further one for each kind of which something is left out).
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from governance.errors import InvalidInputError
from governance.lineage.graph import Lineage, build, retrains
from governance.lineage.records import read_records
from governance.registry import overview, records
from governance.store.schema import model_registry
from governance.values import ModelVersion, check_model_name

MOST_VERSIONS, USUAL_VERSIONS = 200, 20


def lineage_of(
    connection: Connection, asked: str | ModelVersion, *, limit: int = USUAL_VERSIONS
) -> Lineage:
    """
    Args:
        asked: the name of a model, or a version of one.
        limit: of a model so many versions, the newest; the graph says how many it leaves out.

    Raises:
        NotFoundError: no such model.
        InvalidInputError: ``limit`` is not from 1 to 200.
    """
    if type(limit) is not int or not 1 <= limit <= MOST_VERSIONS:
        raise InvalidInputError(f"limit must be a whole number from 1 to {MOST_VERSIONS}")
    if isinstance(asked, ModelVersion):
        kin = _kin(connection, asked)
        return build(read_records(connection, asked.name, [asked], kin=kin, left_out=0))
    name = check_model_name(asked)
    overview.model(connection, name)
    versions = list(records.page(connection, name=name, limit=limit))
    all_of_them = select(func.count()).where(model_registry.c.name == name)
    beyond = connection.execute(all_of_them).scalar_one() - len(versions)
    return build(read_records(connection, name, versions, left_out=beyond))


def _kin(connection: Connection, version: ModelVersion) -> list[ModelVersion]:
    """What it was retrained from and as, among the newest versions of its model."""
    near = {one.id: one for one in records.page(connection, name=version.name, limit=MOST_VERSIONS)}
    near[version.id] = version
    pairs = retrains(near.values())
    return [one for pair in pairs for one in pair if version in pair and one.id != version.id]
