"""Drift reports: what is recorded is read again, the newest revision stands, questions filter."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from governance.errors import InvalidInputError
from governance.evidence.drift.records import report_store
from governance.evidence.drift.report import DriftReport, FeatureReport
from governance.policy.drift.episodes import Episode
from governance.policy.drift.facts import FeatureFigures, Finding, FrozenFigures
from governance.policy.drift.limits import DriftLimits
from governance.store.database import Database
from governance.values import Severity

T = datetime(2026, 3, 8, 18, tzinfo=UTC)
HOUR = timedelta(hours=1)
VERSION = "0123456789ab"


def _feature(name: str, severity: Severity, z: float | None, **figures: Any) -> FeatureReport:
    return FeatureReport(
        feature=name,
        severity=severity,
        finding=Finding.STABLE if severity is Severity.NORMAL else Finding.SHIFTED,
        reason=f"{name}: said in one sentence",
        figures=FeatureFigures(feature=name, kind="numeric", z=z, **figures),
    )


FEATURES = (
    _feature("b", Severity.SEVERE, 9.0, ks=0.4, effect=0.4, frozen=FrozenFigures(ks=0.5)),
    _feature("c", Severity.MODERATE, 5.0, ks=0.2, effect=0.2, q_value=1e-3, psi=0.3),
    _feature("d", Severity.INSUFFICIENT, None, problem=Finding.NO_REFERENCE),
    _feature("a", Severity.NORMAL, 1.0, missing_share=0.05, mean_shift=-0.1, variance_ratio=1.1),
)


def _report(at: datetime = T, *, model: str = "watched", **given: Any) -> DriftReport:
    version = given.get("version_id", VERSION)
    fields: dict[str, Any] = {
        "id": report_store.report_id(model, version, at),
        "model": model,
        "version_id": VERSION,
        "version": "1.0.0",
        "at": at,
        "severity": Severity.SEVERE,
        "rows": 600,
        "features": FEATURES,
        "reference": {"window": {"class": "weekday"}, "histograms": {}},
        "reasons": ("b moved", "c moved"),
        "policy": DriftLimits().as_json(),
        "evidence_digest": "0" * 64,
        "episode": {**Episode().as_json(), "closes": [], "quarantined": ["2026-03-07"]},
        "revision": 1,
        "event": "opened",
        "incident_id": "abcdefabcdef",
        "retrain_requested": True,
        **given,
    }
    return DriftReport(**fields)


def _write(database: Database, *reports: DriftReport) -> None:
    with database.begin() as tx:
        for report in reports:
            report_store.write(tx, report, now=T)


def _query(database: Database, **wanted: Any) -> list[DriftReport]:
    with database.read() as connection:
        return report_store.query(connection, **wanted)


def test_what_is_recorded_is_read_again(database: Database) -> None:
    _write(database, _report())
    assert _query(database) == [_report()]
    with database.read() as connection:
        assert report_store.find(connection, _report().id) == _report()
        assert report_store.find(connection, "f" * 32) is None


def test_a_revision_takes_the_place_of_the_report(database: Database) -> None:
    _write(database, _report())
    revised = _report(revision=2, severity=Severity.NORMAL, features=FEATURES[-1:], event=None)
    _write(database, revised)
    assert _query(database) == [revised]


def test_features_come_the_worst_first(database: Database) -> None:
    _write(database, _report(features=tuple(reversed(FEATURES))))
    assert [item.feature for item in _query(database)[0].features] == ["b", "c", "d", "a"]


def test_the_state_before_a_moment_is_that_of_the_last_look_of_the_version(
    database: Database,
) -> None:
    older = _report(T - HOUR, episode={**Episode(missed=3).as_json(), "quarantined": []})
    other = _report(T - timedelta(minutes=1), version_id="ba9876543210")
    _write(database, older, _report(), other)
    with database.read() as connection:
        assert report_store.latest_before(connection, VERSION, T - HOUR) == {}
        before = report_store.latest_before(connection, VERSION, T)
        assert report_store.newest(connection, "watched") == T
        assert report_store.newest(connection, "unknown") is None
        standing = report_store.standing(connection, older.id)
    assert Episode.from_json(dict(before)).missed == 3 and "event" not in before
    assert standing == report_store.Standing("0" * 64, 1)


def test_questions_filter(database: Database) -> None:
    normal = _report(T + HOUR, severity=Severity.NORMAL)
    second = _report(T + 2 * HOUR, version_id="ba9876543210", version="1.0.1")
    elsewhere = _report(model="other")
    _write(database, _report(), normal, second, elsewhere)
    assert _query(database, model="watched") == [second, normal, _report()]
    assert _query(database, version="1.0.1") == _query(database, version="ba9876543210") == [second]
    assert _query(database, severity=Severity.NORMAL) == [normal]
    assert _query(database, model="watched", since=T, until=T) == [_report()]
    assert _query(database, limit=1) == [second]


@pytest.mark.parametrize("limit", [0, 1001, True, "7", None])
def test_a_limit_is_a_number_of_rows(sqlite_database: Database, limit: Any) -> None:
    with pytest.raises(InvalidInputError, match="from 1 to 1000"):
        _query(sqlite_database, limit=limit)


def test_history_counts_without_reading_features(database: Database) -> None:
    calm = replace(_report(T + HOUR), features=FEATURES[-1:], severity=Severity.NORMAL)
    _write(database, _report(), calm)
    with database.read() as connection:
        found = report_store.history(connection, VERSION, since=T, until=T + HOUR)
    assert [(look["flagged"], look["worst_effect"]) for look in found] == [(2, 0.4), (0, None)]
    assert [look["at"] for look in found] == [
        "2026-03-08T18:00:00.000000Z",
        "2026-03-08T19:00:00.000000Z",
    ]


def test_the_id_of_a_report_depends_on_model_version_and_moment() -> None:
    ids = {
        report_store.report_id(model, version, at)
        for model in ("a", "b")
        for version in (VERSION, "ba9876543210")
        for at in (T, T + HOUR)
    }
    assert len(ids) == 8
