"""`arrival_delay` watched hour by hour through 2013, as of then, on the real flights.

`make test` goes to the middle of March, both storms included; the whole plan to the end of April.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy
from zoneinfo import ZoneInfo

import pytest

from governance import Governance
from governance.evidence.drift.report import DriftReport
from governance.values import Severity

CONFIG = Path(__file__).parents[3] / "config"
HOUR = timedelta(hours=1)
TRAINED = datetime(2013, 2, 1, 5, tzinfo=UTC)  # midnight in New York
FULL = os.environ.get("GOVERNANCE_FAULTS") == "full"
END = datetime(2013, 5, 1, 4, tzinfo=UTC) if FULL else datetime(2013, 3, 12, 4, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("winter")
    (path / "config").mkdir()
    for name in ("governance.yaml", "promotion_policy.yaml"):
        copy(CONFIG / name, path / "config" / name)
    return path


@pytest.fixture(scope="module")
def gov(home: Path) -> Iterator[Governance]:
    with Governance.open(home=home, database=f"sqlite:///{home}/governance.db") as opened:
        opened.cycle.check_data("arrival_delay", run="winter", at=TRAINED)
        opened.cycle.train("arrival_delay", run="winter", at=TRAINED)
        made = opened.cycle.register("arrival_delay", run="winter", at=TRAINED, by="ann")
        opened.cycle.validate(made["ref"], by="ann", at=TRAINED)
        opened.promotion.promote_to_production(
            made["ref"], by="eve", force=True, reason="first version", at=TRAINED
        )
        yield opened


@pytest.fixture(scope="module")
def reports(gov: Governance) -> list[DriftReport]:
    looks = int((END - TRAINED) / HOUR)
    return [gov.drift.scan("arrival_delay", at=TRAINED + n * HOUR) for n in range(1, looks + 1)]


def test_no_row_after_the_cut_off_reaches_the_frozen_reference(gov: Governance) -> None:
    version = gov.registry.get_production_model("arrival_delay")
    assert version is not None
    pinned = version.manifest["drift_baseline"]
    assert pinned["last"] <= version.manifest["trained_end"] < "2013-02-01T05:00"
    with gov.database.read() as connection:
        kept = gov.drift.baselines.of_version(connection, version)
    assert kept is not None
    assert (kept.origin, kept.sha256) == ("manifest", pinned["sha256"])
    assert max(day for day, _ in kept.baseline.days).isoformat() < "2013-02-01"


def test_the_storm_and_the_snow_open_incidents_on_their_day(
    gov: Governance, reports: list[DriftReport]
) -> None:
    found = [item for item in gov.alerts.list() if item.kind == "drift"]
    # A look at midnight is about the day that ends with it.
    days = {(item.opened_at - HOUR).astimezone(NEW_YORK).date().isoformat() for item in found}
    assert {"2013-02-08", "2013-03-08"} <= days
    first = min(found, key=lambda item: item.opened_at)
    assert first.rule == "urgent"
    assert first.opened_at.astimezone(NEW_YORK).hour <= 21, "before the day was over"


def test_few_incidents_open_at_all_and_none_for_a_weekend(
    gov: Governance, reports: list[DriftReport]
) -> None:
    found = gov.alerts.list()
    assert len(found) <= 6
    severities = [report.severity for report in reports]
    assert severities.count(Severity.NORMAL) > 0.8 * len(severities)
    weekends = [
        item
        for item in found
        if (item.opened_at - HOUR).astimezone(NEW_YORK).weekday() >= 5
        and not {"precip", "visib", "wind_speed", "departure_delay"} & set(item.features)
    ]
    assert weekends == []


def test_the_frozen_reference_stands_beside_the_rolling_one(reports: list[DriftReport]) -> None:
    last = reports[-1]
    assert last.reference["frozen"]["first"] == "2013-01-01"
    assert last.reference["frozen"]["last"] < "2013-02-01"
    assert last.reference["rolling"]["last"] > "2013-03-01"
    assert last.reference["rolling"]["days"] == 30
    assert {"2013-02-08", "2013-02-09"} <= set(last.reference["rolling"]["quarantined"])
    beside = {f.feature: (f.ks, f.figures.frozen) for f in last.features}
    for name in ("visib", "departure_delay"):
        ks, frozen = beside[name]
        assert ks is not None and frozen is not None and frozen.ks is not None


def test_looking_again_at_the_same_hour_changes_nothing(
    gov: Governance, reports: list[DriftReport]
) -> None:
    before = gov.alerts.list()
    for number in (0, 180, -1):
        again = gov.drift.scan("arrival_delay", at=reports[number].at)
        assert again.revision == reports[number].revision
        assert again.features == reports[number].features
    assert gov.alerts.list() == before
