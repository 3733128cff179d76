"""One module for each noun; ``ROUTERS`` in the order in which paths are looked for."""

from governance.api.routes import (
    alerts,
    approvals,
    decisions,
    drift,
    health,
    models,
    promotion,
    shadow,
    versions,
)

ROUTERS = (
    health.router,
    models.router,
    versions.router,
    promotion.router,
    approvals.router,
    decisions.router,
    shadow.router,
    drift.router,
    alerts.router,
)
