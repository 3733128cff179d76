"""One module for each noun; ``ROUTERS`` in the order in which paths are looked for.

``AT_ROOT`` stand beside ``/api/v1``, where programs look that know nothing of this API.
"""

from governance.api.routes import (
    alerts,
    approvals,
    audit,
    decisions,
    drift,
    health,
    installation,
    lineage,
    metrics,
    models,
    policy,
    promotion,
    registration,
    shadow,
    start,
    versions,
)

ROUTERS = (
    health.router,
    registration.router,
    models.router,
    versions.router,
    promotion.router,
    approvals.router,
    decisions.router,
    shadow.router,
    drift.router,
    alerts.router,
    policy.router,
    audit.router,
    installation.router,
    lineage.router,
)

AT_ROOT = (start.router, metrics.router)
