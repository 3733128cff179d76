"""Where models stand by their newest report. Neighbour: ``report_store`` keeps the reports."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, case, func, select

from governance.policy.drift.findings import RANK
from governance.store.drift_tables import model_drift_reports
from governance.store.name_patterns import names_like
from governance.store.schema import governed_models
from governance.values import Severity

_reports = model_drift_reports.c


def latest_severities(
    connection: Connection, *, patterns: Sequence[str] | None = None
) -> dict[str, int]:
    """Number of models by the severity of their newest report, of any version.

    Args:
        patterns: only models whose names match one of them; ``None`` for all.
    """
    # For each model one look into the index: grouping would read every report there is. Of two
    # versions that were looked at in one moment the worse counts.
    worse = case({str(one): RANK[one] for one in Severity}, value=_reports.severity)
    newest = (
        select(_reports.severity)
        .where(_reports.model_name == governed_models.c.name)
        .order_by(_reports.at.desc(), worse.desc())
        .limit(1)
        .correlate(governed_models)
        .scalar_subquery()
    )
    of_models = (
        select(newest.label("severity"))
        .select_from(governed_models)
        .where(names_like(governed_models.c.name, patterns))
        .subquery()
    )
    rows = connection.execute(
        select(of_models.c.severity, func.count())
        .where(of_models.c.severity.is_not(None))
        .group_by(of_models.c.severity)
    )
    found = dict.fromkeys(map(str, Severity), 0)
    for severity, number in rows:
        found[Severity(severity).value] = number
    return found
