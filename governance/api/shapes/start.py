"""Where things are on this server, as paths."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from governance.api.shapes.parts import Shown, examples

_EXAMPLE = {
    "api": "/api/v1",
    "docs": "/api/v1/docs",
    "openapi": "/api/v1/openapi.json",
    "live": "/api/v1/health/live",
    "ready": "/api/v1/health/ready",
    "metrics": "/metrics",
    "pages": "/dashboard",
}


class Start(Shown):
    model_config = ConfigDict(json_schema_extra=examples(_EXAMPLE))

    api: str = Field(description="What every path of the API begins with.")
    docs: str
    openapi: str
    live: str
    ready: str
    metrics: str
    pages: str | None = Field(default=None, description="Left out where there are none.")
