"""How many models stand at which severity: by the newest report, with a look at each model only."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from governance import Governance
from governance.evidence.drift.records.severities import latest_severities
from governance.values import ModelVersion, Severity
from tests.api.world import AT, report
from tests.versions import registered


def counted(gov: Governance, patterns: tuple[str, ...] | None = None) -> dict[str, int]:
    with gov.database.read() as connection:
        found = latest_severities(connection, patterns=patterns)
    return {name: number for name, number in found.items() if number}


def versions(gov: Governance) -> tuple[ModelVersion, ModelVersion]:
    return registered(gov, 1), registered(gov, 2)


def test_the_newest_report_counts_whichever_version_it_is_of(gov: Governance) -> None:
    first, second = versions(gov)
    other = registered(gov, 1, name="other")
    assert counted(gov) == {}
    report(gov, first, AT, severity=Severity.SEVERE)
    report(gov, second, AT + timedelta(hours=1), severity=Severity.MODERATE)
    report(gov, other, AT, severity=Severity.NORMAL)
    assert counted(gov) == {"moderate": 1, "normal": 1}
    assert counted(gov, ("oth*",)) == {"normal": 1}


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_versions_in_one_moment_the_worse_counts(gov: Governance, turned: bool) -> None:
    worse, better = reversed(versions(gov)) if turned else versions(gov)
    report(gov, worse, severity=Severity.SEVERE)
    report(gov, better, severity=Severity.NORMAL)
    assert counted(gov) == {"severe": 1}


def test_the_reports_of_all_models_are_not_read(sqlite_gov: Governance) -> None:
    with sqlite_gov.database.read() as connection:
        latest_severities(connection)
        plan = connection.execute(
            text(
                "EXPLAIN QUERY PLAN SELECT (SELECT severity FROM model_drift_reports r WHERE "
                "r.model_name = g.name ORDER BY r.at DESC, length(r.severity) DESC LIMIT 1) "
                "FROM governed_models g"
            )
        )
        used = " ".join(row.detail for row in plan)
    assert "ix_model_drift_reports_model_name_at" in used
