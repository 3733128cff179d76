"""Models and their versions, as they are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from governance.api.shapes.parts import Shown, examples
from governance.values import Kind, Stage

_VERSION = {
    "id": "922cc995d975",
    "name": "momentum",
    "version": "1.2.0",
    "stage": "production",
    "model_type": "lightgbm",
    "kind": "trading",
    "format": "lightgbm",
    "digest": "6f0c" + "0" * 60,
    "size_bytes": 10240,
    "artifact_path": "models/momentum/2013-02-01/922cc995d975",
    "created_by": "ann",
    "created_at": "2013-02-01T00:00:00Z",
    "registered_at": "2013-02-01T00:00:00Z",
    "description": "",
    "tags": ["weekly"],
    "metrics": {"test": {"auc": 0.71}},
    "metadata": {},
}


class VersionShown(Shown):
    """One version, without its long provenance."""

    model_config = ConfigDict(json_schema_extra=examples(_VERSION))

    id: str
    name: str
    version: str
    stage: Stage
    model_type: str
    kind: Kind
    format: str
    digest: str
    size_bytes: int
    artifact_path: str
    created_by: str
    created_at: datetime
    registered_at: datetime
    description: str
    tags: list[str]
    metrics: dict[str, Any]
    metadata: dict[str, Any]


class VersionWhole(VersionShown):
    """One version with its provenance."""

    model_config = ConfigDict(json_schema_extra=examples({**_VERSION, "manifest": {"seed": 7}}))

    manifest: dict[str, Any] = Field(description="Data, features, configuration, code, packages.")


class Registered(VersionShown):
    """What a registration gave."""

    model_config = ConfigDict(json_schema_extra=examples({**_VERSION, "created": True}))

    created: bool = Field(description="False: these bytes were registered before, as shown.")


class ModelShown(Shown):
    """A model: how many versions, and which one decides."""

    model_config = ConfigDict(
        json_schema_extra=examples(
            {
                "name": "momentum",
                "generation": 3,
                "created_at": "2013-01-01T00:00:00Z",
                "versions": 4,
                "stages": {"production": 1, "retired": 3},
                "latest": "1.2.0",
                "kind": "trading",
                "model_type": "lightgbm",
                "production": "1.2.0",
            }
        )
    )

    name: str
    generation: int = Field(description="How often a version was activated; the `ETag`.")
    created_at: datetime
    versions: int
    stages: dict[str, int]
    latest: str | None
    kind: Kind | None
    model_type: str | None
    production: str | None = Field(description="The version that decides.")


class GenerationShown(Shown):
    model_config = ConfigDict(
        json_schema_extra=examples({"name": "momentum", "generation": 3, "production": "1.2.0"})
    )

    name: str
    generation: int
    production: str | None


class ActivationShown(Shown):
    """What was live from when on, who decided it, and why."""

    model_config = ConfigDict(
        json_schema_extra=examples(
            {
                "generation": 3,
                "version_id": "922cc995d975",
                "version": "1.2.0",
                "operation": "promotion",
                "forced": False,
                "effective_at": "2013-02-01T00:00:00Z",
                "recorded_at": "2013-02-01T00:00:00Z",
                "by": "ann",
                "reason": None,
            }
        )
    )

    generation: int
    version_id: str | None
    version: str | None
    operation: str
    forced: bool
    effective_at: datetime
    recorded_at: datetime
    by: str | None
    reason: str | None
