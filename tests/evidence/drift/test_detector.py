"""`gov.drift`: comparisons on request, alerts and who saw them, ranges, refusals with a remedy."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from governance import Governance
from governance.errors import (
    ConfigError,
    ConflictError,
    DriftDisabledError,
    InsufficientEvidenceError,
    InvalidInputError,
    NaiveDatetimeError,
    NoProductionVersionError,
    NotFoundError,
)
from governance.evidence.drift.records import profile_store
from governance.evidence.drift.records.baseline_store import KeptBaseline
from governance.settings import Settings
from governance.values import ModelVersion, Severity, Verdict
from tests.evidence.drift.live_model import (
    AT,
    DAYS,
    FEATURES,
    HOUR,
    NAME,
    REFERENCE,
    ROWS,
    START,
    declare,
    in_production,
    parquet,
)
from tests.versions import registered

RANDOM = np.random.default_rng(11)
REFERENCE_DATA = pd.DataFrame(
    {"x": RANDOM.normal(size=500), "y": RANDOM.normal(size=500), "c": list("abcde") * 100}
)
CURRENT = REFERENCE_DATA.assign(x=REFERENCE_DATA["x"] + 2)


def _kept(gov: Governance, version: ModelVersion) -> KeptBaseline | None:
    with gov.database.read() as connection:
        return gov.drift.baselines.of_version(connection, version)


# -- on request -----------------------------------------------------------------------------------


def test_a_comparison_is_given_back_and_recorded(gov: Governance) -> None:
    version = registered(gov)
    found = gov.drift.detect_data_drift(version, REFERENCE_DATA, CURRENT, at=AT)
    assert [(item.feature, item.is_alert) for item in found] == [
        ("x", True), ("y", False), ("c", False)
    ]  # fmt: skip
    assert (found[0].method, found[0].threshold) == ("ks_test", 0.2)
    (alert,) = gov.drift.get_drift_alerts(version.name, is_alert=True)
    assert (alert.feature, alert.score, alert.origin) == ("x", found[0].score, "ad_hoc")
    assert (alert.version_id, alert.detected_at) == (version.id, AT)
    assert len(gov.drift.get_drift_alerts(model_version=version.version)) == 3
    assert gov.alerts.list() == [] and gov.drift.get_reports() == []


def test_settings_say_method_and_threshold_if_the_call_does_not(
    sqlite_url: str, tmp_path: Path
) -> None:
    settings = Settings.load(
        database_url=sqlite_url,
        home=tmp_path / "home",
        drift_detection_method="psi",
        drift_threshold=0.9,
    )
    with Governance.open(settings=settings) as gov:
        version = registered(gov)
        (x, *_) = gov.drift.detect_data_drift(version, REFERENCE_DATA, CURRENT)
        assert (x.method, x.threshold) == ("psi", 0.9)
        own = gov.drift.detect_data_drift(
            version, REFERENCE_DATA, CURRENT, method="ks_test", threshold=0.1
        )
        assert (own[0].method, own[0].threshold) == ("ks_test", 0.1)


def test_predictions_are_one_detection(gov: Governance) -> None:
    version = registered(gov)
    found = gov.drift.detect_prediction_drift(version.ref, np.arange(200.0), np.arange(200.0) + 90)
    assert found.is_alert and found.severity is Severity.SEVERE
    (alert,) = gov.drift.get_drift_alerts()
    assert (alert.drift_type, alert.feature) == ("prediction", found.feature)


def test_a_version_without_edges_gets_them_from_the_reference_and_keeps_them(
    gov: Governance,
) -> None:
    version = registered(gov)
    gov.drift.detect_data_drift(version, REFERENCE_DATA, CURRENT)
    kept = _kept(gov, version)
    assert kept is not None and kept.origin == "reference_data"
    assert kept.baseline.layout.features == ("x", "y", "c")
    gov.drift.detect_data_drift(version, CURRENT, REFERENCE_DATA)
    again = _kept(gov, version)
    assert again is not None and again.sha256 == kept.sha256


@pytest.mark.parametrize(
    "reference",
    [
        REFERENCE_DATA.head(5),
        REFERENCE_DATA.set_axis(["x", "x", "c"], axis=1),
        REFERENCE_DATA.set_axis([1, 2, 3], axis=1),
    ],
    ids=["few rows", "a name twice", "names that are no text"],
)
def test_a_reference_that_makes_no_edges_is_compared_all_the_same(
    sqlite_gov: Governance, reference: pd.DataFrame
) -> None:
    version = registered(sqlite_gov)
    assert sqlite_gov.drift.detect_data_drift(version, reference, reference)
    assert _kept(sqlite_gov, version) is None


def test_a_reference_without_a_watched_column_does_not_become_the_baseline(
    sqlite_gov: Governance, tmp_path: Path
) -> None:
    declare(sqlite_gov.settings.home, parquet(tmp_path))
    version = in_production(sqlite_gov)
    sqlite_gov.drift.detect_data_drift(version, REFERENCE_DATA, CURRENT)
    assert _kept(sqlite_gov, version) is None


def test_unknown_versions_and_methods_are_refused(sqlite_gov: Governance) -> None:
    with pytest.raises(NotFoundError):
        sqlite_gov.drift.detect_data_drift("nobody:1.0.0", REFERENCE_DATA, CURRENT)
    version = registered(sqlite_gov)
    with pytest.raises(InvalidInputError):
        sqlite_gov.drift.detect_data_drift(version, REFERENCE_DATA, CURRENT, method="t_test")
    assert sqlite_gov.drift.get_drift_alerts() == []


# -- alerts ---------------------------------------------------------------------------------------


def test_an_alert_is_acknowledged_once_and_by_one(gov: Governance) -> None:
    version = registered(gov)
    gov.drift.detect_data_drift(version, REFERENCE_DATA, CURRENT)
    (alert,) = gov.drift.get_drift_alerts(is_alert=True, acknowledged=False)
    first = gov.drift.acknowledge_alert(alert.id, "ann")
    assert first.acknowledged_by == "ann" and first.acknowledged_at is not None
    assert gov.drift.acknowledge_alert(alert.id, "ann") == first
    with pytest.raises(ConflictError, match="by ann already"):
        gov.drift.acknowledge_alert(alert.id, "eve")
    assert gov.drift.get_drift_alerts(is_alert=True, acknowledged=True) == [first]
    calm = gov.drift.get_drift_alerts(is_alert=False)[0]
    with pytest.raises(ConflictError, match="is no alert"):
        gov.drift.acknowledge_alert(calm.id, "ann")


@pytest.mark.parametrize("alert_id", ["1", None, True, -1, 2**70])
def test_an_alert_has_a_number(sqlite_gov: Governance, alert_id: Any) -> None:
    with pytest.raises(InvalidInputError, match="whole number"):
        sqlite_gov.drift.acknowledge_alert(alert_id, "ann")


def test_an_alert_that_is_not_there_and_a_person_that_is_none(gov: Governance) -> None:
    with pytest.raises(NotFoundError, match="no drift alert 77"):
        gov.drift.acknowledge_alert(77, "ann")
    with pytest.raises(InvalidInputError, match="acknowledged_by"):
        gov.drift.acknowledge_alert(77, " ")


# -- refusals -------------------------------------------------------------------------------------


@pytest.fixture
def watched(sqlite_gov: Governance, live: Path) -> Governance:
    declare(sqlite_gov.settings.home, parquet(live))
    in_production(sqlite_gov)
    return sqlite_gov


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"window": "7d"}, "not calibrated"),
        ({"window": "1h"}, "not calibrated"),
        ({"window": None}, "not calibrated"),
        ({"reference": "6d"}, "from '7d' to '365d'"),
        ({"reference": "366d"}, "from '7d' to '365d'"),
        ({"reference": "4w"}, "from '7d' to '365d'"),
        ({"reference": 30}, "from '7d' to '365d'"),
        ({"at": AT + timedelta(minutes=1)}, "no whole hour"),
        ({"at": AT.replace(tzinfo=None)}, "time zone"),
    ],
)
def test_a_scan_that_cannot_be_calibrated_is_refused(
    watched: Governance, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        watched.drift.scan(NAME, **{"at": AT, **given})
    assert watched.drift.get_reports() == []


def test_who_is_not_declared_or_does_not_watch_or_does_not_decide_is_not_scanned(
    watched: Governance,
) -> None:
    with pytest.raises(ConfigError, match="is not declared"):
        watched.drift.scan("nobody", at=AT)
    with pytest.raises(NoProductionVersionError, match="was in production at"):
        watched.drift.scan(NAME, at=START - HOUR)
    path = watched.settings.config_path
    path.write_text(path.read_text().replace('"drift": {', '"description": "unwatched", "x": {'))
    path.write_text(_without_drift(path.read_text()))
    with pytest.raises(DriftDisabledError, match="add a section drift"):
        watched.drift.scan(NAME, at=AT)


def _without_drift(text: str) -> str:
    import json

    document = json.loads(text)
    for model in document["models"].values():
        model.pop("x", None)
    return json.dumps(document)


def test_what_is_switched_off_looks_at_nothing(sqlite_url: str, tmp_path: Path) -> None:
    settings = Settings.load(
        database_url=sqlite_url, home=tmp_path / "home", enable_drift_detection=False
    )
    with Governance.open(settings=settings) as gov:
        version = registered(gov)
        drift = gov.drift
        for call in (
            lambda: drift.scan(NAME, at=AT),
            lambda: drift.profile(NAME, start=START, end=AT),
            lambda: drift.calibrate(NAME, at=AT),
            lambda: drift.detect_data_drift(version, REFERENCE_DATA, CURRENT),
            lambda: drift.detect_prediction_drift(version, [1.0], [1.0]),
        ):
            with pytest.raises(DriftDisabledError):
                call()
        assert drift.get_reports() == [] and drift.get_drift_alerts() == []


@pytest.mark.parametrize("given", [{"severity": "bad"}, {"limit": 0}, {"name": "../x"}])
def test_questions_that_make_no_sense_are_refused(
    sqlite_gov: Governance, given: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError):
        sqlite_gov.drift.get_reports(**given)


# -- ranges and calibration -----------------------------------------------------------------------


def test_a_profiled_range_is_not_read_again(
    watched: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    done = watched.drift.profile(NAME, start=START, end=AT, progress=lambda *now: seen.append(now))
    assert (done["days"], done["hours"], done["unusable_days"]) == (DAYS + 1, 48, [])
    assert done["rows"] == (DAYS + 1) * 24 * ROWS
    total = (DAYS + 1) * 24 + 48
    assert seen[-1] == (total, total) and len(seen) == total
    source = watched.drift._scans.watched(NAME, AT).source
    read, asked = type(source).read, []

    def spy(self: Any, start: datetime, end: datetime, columns: Any) -> Any:
        asked.append(start)
        return read(self, start, end, columns)

    monkeypatch.setattr(type(source), "read", spy)
    report = watched.drift.scan(NAME, at=AT, reference=REFERENCE)
    assert report.severity is Severity.NORMAL and asked == [AT - HOUR]


def test_a_range_within_a_day_that_is_over_profiles_that_day(watched: Governance) -> None:
    watched.drift.scan(NAME, at=AT, reference=REFERENCE)
    begin = START + timedelta(days=2, hours=5)
    done = watched.drift.profile(NAME, start=begin, end=begin + 2 * HOUR)
    assert (done["days"], done["hours"]) == (1, 2)


def test_a_range_must_be_one(watched: Governance) -> None:
    with pytest.raises(InvalidInputError, match="exchange them"):
        watched.drift.profile(NAME, start=AT, end=START)
    with pytest.raises(NaiveDatetimeError):
        watched.drift.profile(NAME, start=START.replace(tzinfo=None), end=AT)


def test_a_range_of_a_version_without_data_says_what_is_missing(watched: Governance) -> None:
    with pytest.raises(InsufficientEvidenceError, match="has no baseline"):
        watched.drift.profile(NAME, start=START, end=START + 3 * HOUR)


def test_reference_days_held_against_each_other_are_recorded_beside_the_budget(
    gov: Governance, live: Path
) -> None:
    declare(gov.settings.home, parquet(live))
    version = in_production(gov)
    gov.drift.scan(NAME, at=AT, reference=REFERENCE)
    measured = gov.drift.calibrate(NAME, at=AT)
    assert gov.drift.calibrate(NAME, at=AT) == measured
    assert gov.drift.get_calibrations(NAME) == [measured]
    assert (measured.version_id, measured.measured.days) == (version.id, DAYS)
    assert (measured.measured.features, measured.measured.budget) == (len(FEATURES), 1.0)
    assert measured.measured.verdict in Verdict
    with gov.database.read() as connection:
        assert profile_store.read_day_heads(connection, version.id, START, AT)
