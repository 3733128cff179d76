"""Where models stand by their newest report. Neighbour: ``report_store`` keeps the reports."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, and_, func, select

from governance.policy.drift.findings import RANK
from governance.store.drift_tables import model_drift_reports
from governance.store.name_patterns import names_like
from governance.values import Severity

_reports = model_drift_reports.c


def latest_severities(
    connection: Connection, *, patterns: Sequence[str] | None = None
) -> dict[str, int]:
    """Number of models by the severity of their newest report, of any version.

    Args:
        patterns: only models whose names match one of them; ``None`` for all.
    """
    newest = (
        select(_reports.model_name, func.max(_reports.at).label("at"))
        .where(names_like(_reports.model_name, patterns))
        .group_by(_reports.model_name)
        .subquery()
    )
    rows = connection.execute(
        select(_reports.model_name, _reports.severity).join(
            newest, and_(newest.c.model_name == _reports.model_name, newest.c.at == _reports.at)
        )
    )
    of_model: dict[str, Severity] = {}
    for row in rows:  # two versions may have been looked at in one moment: the worse counts
        said = Severity(row.severity)
        before = of_model.get(row.model_name, said)
        of_model[row.model_name] = max(before, said, key=RANK.__getitem__)
    found = dict.fromkeys(map(str, Severity), 0)
    for severity in of_model.values():
        found[severity.value] += 1
    return found
