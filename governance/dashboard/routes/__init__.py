"""The pages, one module for each, and the routers that ``mount`` includes."""

from governance.dashboard.routes import (
    alerts,
    audit,
    challengers,
    decisions,
    drift,
    files,
    login,
    models,
    overview,
)

ROUTERS = tuple(
    module.router
    for module in (overview, models, challengers, drift, decisions, alerts, audit, files)
)
LOGIN = login.router
LAST = files.nowhere

__all__ = ["LAST", "LOGIN", "ROUTERS"]
