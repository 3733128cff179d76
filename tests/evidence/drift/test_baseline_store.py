"""Baselines: found by content, the first one of a version stays, damage is seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import update

from governance import Governance
from governance.errors import IntegrityError
from governance.evidence.drift.normal.calendar import DayCalendar
from governance.evidence.drift.profiles.baseline import Baseline
from governance.evidence.drift.records.baseline_store import BaselineStore, keep, pinned, store
from governance.store.drift_tables import drift_baselines
from governance.values import ModelVersion
from tests.versions import registered


def _baseline(shift: float = 0.0) -> Baseline:
    times = pd.date_range("2026-03-02", periods=96, freq="h", tz="UTC")
    frame = pd.DataFrame({"time": times, "x": [float(n % 24) + shift for n in range(96)]})
    return Baseline.of(frame, features=["x"], time_column="time", day_of=DayCalendar().day_of)


def _of(gov: Governance, version: ModelVersion) -> Any:
    with gov.database.read() as connection:
        return BaselineStore(gov.database).of_version(connection, version)


def test_a_version_without_a_baseline_has_none(gov: Governance) -> None:
    assert _of(gov, registered(gov)) is None


def test_the_first_baseline_of_a_version_stays(gov: Governance) -> None:
    version, baselines = registered(gov), BaselineStore(gov.database)
    first = baselines.establish(version, _baseline(), "reference_data")
    second = baselines.establish(version, _baseline(1.0), "first_reference")
    assert (first.origin, first.sha256) == ("reference_data", _baseline().sha256)
    assert (second.origin, second.sha256) == (first.origin, first.sha256)
    assert _of(gov, version).baseline == _baseline()


def test_the_same_content_is_stored_once(gov: Governance) -> None:
    with gov.database.begin() as tx:
        assert store(tx, _baseline()) == store(tx, _baseline()) == _baseline().sha256
        assert keep(tx, "0123456789ab", _baseline().sha256, "manifest") == _baseline().sha256


def test_a_manifest_pins_a_baseline(gov: Governance) -> None:
    baseline = _baseline()
    BaselineStore(gov.database).put(baseline)
    version = registered(gov, provenance={"drift_baseline": pinned(baseline)})
    kept = _of(gov, version)
    assert (kept.origin, kept.baseline) == ("manifest", baseline)
    assert version.manifest["drift_baseline"] == {
        "sha256": baseline.sha256,
        "rows": 96,
        "first": "2026-03-02T00:00:00.000000Z",
        "last": "2026-03-05T23:00:00.000000Z",
        "features": ["x"],
    }


def test_a_manifest_without_a_baseline_says_nothing_of_one(sqlite_gov: Governance) -> None:
    assert "drift_baseline" not in registered(sqlite_gov).manifest


def test_a_pinned_baseline_that_is_gone_is_an_integrity_error(sqlite_gov: Governance) -> None:
    version = registered(sqlite_gov, provenance={"drift_baseline": pinned(_baseline())})
    with pytest.raises(IntegrityError, match="is missing from the database; restore"):
        _of(sqlite_gov, version)


@pytest.mark.parametrize("data", [b"", b"nonsense", _baseline(1.0).encode()])
def test_changed_bytes_are_an_integrity_error(gov: Governance, data: bytes) -> None:
    version = registered(gov)
    BaselineStore(gov.database).establish(version, _baseline(), "first_reference")
    with gov.database.begin() as tx:
        tx.execute(update(drift_baselines).values(data=data))
    with pytest.raises(IntegrityError, match="is not what was stored"):
        _of(gov, version)


@pytest.mark.parametrize("pin", [{}, {"sha256": "x"}, "text"])
def test_a_manifest_that_names_no_digest_is_an_integrity_error(
    sqlite_gov: Governance, pin: Any
) -> None:
    version = replace(registered(sqlite_gov), manifest={"drift_baseline": pin})
    with pytest.raises(IntegrityError, match="names no drift baseline"):
        _of(sqlite_gov, version)


def test_many_versions_do_not_fill_the_memory(sqlite_gov: Governance) -> None:
    baselines = BaselineStore(sqlite_gov.database)
    versions = [registered(sqlite_gov, seed) for seed in range(20)]
    for number, version in enumerate(versions):
        baselines.establish(version, _baseline(number), "first_reference")
    assert len(baselines._decoded) < 10
    assert _of(sqlite_gov, versions[0]).baseline == _baseline()
