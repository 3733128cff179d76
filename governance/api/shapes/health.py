"""Whether this server answers, and whether it can do its work."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict

from governance.api.shapes.parts import Shown, examples


class Live(Shown):
    model_config = ConfigDict(json_schema_extra=examples({"status": "live"}))

    status: Literal["live"] = "live"


class Ready(Shown):
    model_config = ConfigDict(json_schema_extra=examples({"status": "ready", "database": "sqlite"}))

    status: Literal["ready"] = "ready"
    database: Literal["sqlite", "postgresql"]
