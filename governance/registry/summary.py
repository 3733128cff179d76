"""The performance summary of document 000: how many, where, and how the champions measured."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from governance.registry import records
from governance.store.schema import model_registry
from governance.values import Stage


def performance_summary(connection: Connection) -> dict[str, Any]:
    """``total_models`` and ``active_models`` count versions; ``models`` has one entry per name.

    An active version is one that is neither retired nor failed.
    """
    counts = records.counts(connection)
    champions = {
        version.name: version
        for version in map(
            records.to_version,
            connection.execute(
                select(model_registry).where(model_registry.c.stage == Stage.PRODUCTION)
            ),
        )
    }
    by_stage = {
        str(stage): sum(stages.get(stage, 0) for stages in counts.values()) for stage in Stage
    }
    inactive = sum(by_stage[stage] for stage in records.INACTIVE)
    return {
        "total_models": sum(by_stage.values()),
        "active_models": sum(by_stage.values()) - inactive,
        "by_stage": by_stage,
        "models": {
            name: {
                "versions": sum(stages.values()),
                "stages": stages,
                "production": champions[name].version if name in champions else None,
                "metrics": dict(champions[name].metrics) if name in champions else None,
            }
            for name, stages in counts.items()
        },
    }
