"""The few questions that serving asks the database; each is one snapshot, and nothing is written.

Neighbour: ``champion`` (asks them in the background). A trial's row and a version's are read as
``governance.evidence.shadow`` and ``governance.registry`` have them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select

from governance.evidence.shadow.runs import running_trials
from governance.history.activations import generation
from governance.registry import records
from governance.store.database import Database
from governance.store.schema import governed_models, model_registry
from governance.values import ModelVersion

# Built once: to build these costs more than to ask them.
_HEADS = select(governed_models.c.name, governed_models.c.generation)
_SPEC = select(model_registry.c.feature_spec).where(model_registry.c.id == bindparam("version"))


@dataclass(frozen=True, slots=True)
class Live:
    """What decides now: ``version`` is ``None`` where nothing of the model is in production."""

    generation: int
    version: ModelVersion | None
    feature_spec: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Challenger:
    """A version in a running trial."""

    version: ModelVersion
    feature_spec: Mapping[str, Any] | None = None


def heads(database: Database) -> dict[str, int]:
    """The generation of every model: how often its champion changed."""
    with database.read() as connection:
        return {name: int(number) for name, number in connection.execute(_HEADS)}


def live(database: Database, model: str) -> Live:
    """
    Raises:
        NotFoundError: no such model.
    """
    with database.read() as connection:
        number = generation(connection, model)
        version = records.in_production(connection, model)
        if version is None:
            return Live(number, None)
        return Live(number, version, _spec(connection, version.id))


def challengers(database: Database) -> dict[str, tuple[Challenger, ...]]:
    """The versions in running trials, by model, in the order in which they were started."""
    found: dict[str, list[Challenger]] = {}
    with database.read() as connection:
        for trial in running_trials(connection):
            version = records.by_id(connection, trial.version_id)
            if version is not None:
                made = Challenger(version, _spec(connection, version.id))
                found.setdefault(trial.model, []).append(made)
    return {model: tuple(versions) for model, versions in found.items()}


def _spec(connection: Connection, version_id: str) -> Mapping[str, Any] | None:
    spec: Mapping[str, Any] | None = connection.scalar(_SPEC, {"version": version_id})
    return spec
