"""Many models at once: each in one shard, and one that fails stops nobody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance import Governance
from governance.errors import DriftDisabledError, DriftScanError, InvalidInputError
from governance.evidence.drift.scanning.shards import in_shards, scan_all
from governance.settings import Settings
from governance.values import Severity
from tests.evidence.drift.live_model import AT, START, declare, in_production, parquet

NAMES = st.lists(st.from_regex(r"[a-z]{1,6}", fullmatch=True), max_size=40)


@given(NAMES, st.integers(1, 12))
def test_every_model_is_in_one_shard_and_no_shard_is_too_large(names: list[str], size: int) -> None:
    shards = in_shards(names, size)
    assert [name for shard in shards for name in shard] == sorted(set(names))
    assert all(1 <= len(shard) <= size for shard in shards)


@pytest.mark.parametrize("size", [0, -1, 2.0, "3", None, True])
def test_a_size_is_a_whole_number(size: Any) -> None:
    with pytest.raises(InvalidInputError, match="whole number from 1"):
        in_shards(["a"], size)


def test_only_models_in_production_that_declare_drift_are_scanned(
    sqlite_gov: Governance, tmp_path: Path
) -> None:
    for name in ("c", "a", "b", "draft"):
        declare(sqlite_gov.settings.home, parquet(tmp_path), name=name)
    for seed, name in enumerate(("c", "a", "b")):
        in_production(sqlite_gov, name=name, seed=seed)
    in_production(sqlite_gov, name="undeclared", seed=9)
    assert sqlite_gov.drift.shards(AT, size=2) == [["a", "b"], ["c"]]
    assert sqlite_gov.drift.shards(START.replace(year=2020), size=2) == []


def test_one_failed_model_does_not_stop_the_others(
    gov: Governance, live: Path, tmp_path: Path
) -> None:
    declare(gov.settings.home, parquet(live), name="first")
    declare(gov.settings.home, parquet(tmp_path / "nowhere"), name="middle")
    declare(gov.settings.home, parquet(live), name="with-rows")
    for seed, name in enumerate(("first", "middle", "with-rows")):
        in_production(gov, name=name, seed=seed)
    with pytest.raises(DriftScanError, match=r"1 of 3 models .* middle: .*nowhere") as failed:
        gov.drift.scan_shard(["first", "middle", "with-rows"], at=AT)
    assert [report.model for report in failed.value.reports] == ["first", "with-rows"]
    assert {report.severity for report in failed.value.reports} == {Severity.NORMAL}
    assert list(failed.value.failures) == ["middle"]
    assert {report.model: report.severity for report in gov.drift.get_reports()} == {
        "first": Severity.NORMAL,
        "middle": Severity.INSUFFICIENT,  # a missed look
        "with-rows": Severity.NORMAL,
    }


def test_an_error_that_is_none_of_ours_stops_nobody_either() -> None:
    def scan(name: str) -> Any:
        if name == "b":
            raise ZeroDivisionError("mean of nothing")
        return name

    with pytest.raises(DriftScanError, match="ZeroDivisionError: mean of nothing") as failed:
        scan_all(["a", "b", "c"], scan)
    assert failed.value.reports == ("a", "c")


def test_what_is_switched_off_is_not_scanned(sqlite_url: str, tmp_path: Path) -> None:
    settings = Settings.load(
        database_url=sqlite_url, home=tmp_path / "home", enable_drift_detection=False
    )
    with Governance.open(settings=settings) as gov:
        for call in (lambda: gov.drift.shards(AT), lambda: gov.drift.scan_shard([], at=AT)):
            with pytest.raises(DriftDisabledError, match="GOVERNANCE_ENABLE_DRIFT_DETECTION"):
                call()
