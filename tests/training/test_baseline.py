"""What a retrain run pins for the watch over its version: known rows, and nothing after them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from governance import Governance
from governance.errors import ArtifactIntegrityError, ConfigError
from governance.evidence.drift.profiles.baseline import Baseline
from governance.evidence.drift.records.baseline_store import KeptBaseline
from governance.training.baseline import beside
from governance.training.run_folder import RunFolder
from governance.values import parse_time
from tests.training.small_model import declare, rows, write

AT = datetime(2020, 10, 1, tzinfo=UTC)
RUN = "manual__2020-10-01T00:00:00+00:00"
Declare = Callable[[str], None]


@pytest.fixture
def gov(sqlite_url: str, tmp_path: Path) -> Iterator[Governance]:
    write(rows(), tmp_path / "levels.csv")
    declare(tmp_path / "home", tmp_path / "levels.csv")
    with Governance.open(database=sqlite_url, home=tmp_path / "home") as opened:
        yield opened


def _watch(gov: Governance, drift: str = "") -> None:
    """Add a drift section to the declared model."""
    live = f"live: {{kind: parquet, path: {gov.settings.home}}}"
    path = gov.settings.config_path
    path.write_text(f"{path.read_text()}    drift: {{{live}{drift}}}\n")


def _registered(gov: Governance) -> Any:
    gov.cycle.check_data("small", run=RUN, at=AT)
    gov.cycle.train("small", run=RUN, at=AT)
    registered = gov.cycle.register("small", run=RUN, at=AT, by="ann")
    return gov.registry.resolve(registered["version_id"])


def _kept(gov: Governance, version: Any) -> KeptBaseline:
    with gov.database.read() as connection:
        found = gov.drift.baselines.of_version(connection, version)
    assert found is not None
    return found


def test_a_model_that_is_not_watched_has_the_manifest_that_it_always_had(gov: Governance) -> None:
    assert "drift_baseline" not in _registered(gov).manifest


def test_a_version_is_pinned_to_its_training_rows(gov: Governance) -> None:
    _watch(gov)
    version = _registered(gov)
    pinned, kept = version.manifest["drift_baseline"], _kept(gov, version)
    assert (kept.origin, kept.sha256) == ("manifest", pinned["sha256"])
    assert pinned["features"] == ["level"] == list(kept.baseline.layout.features)
    assert pinned["rows"] == kept.baseline.rows > 60
    assert [block.rows for _, block in kept.baseline.days] == [1] * 60  # one row a day, the last
    trained_end = parse_time(version.manifest["trained_end"])
    assert kept.baseline.last == trained_end < AT
    assert kept.baseline.days[-1][0] == trained_end.date()
    assert kept.baseline.importance == {"level": 1.0}


def test_the_identity_of_a_version_does_not_depend_on_how_it_is_watched(gov: Governance) -> None:
    first = _registered(gov)
    _watch(gov)
    again = _registered(gov)
    assert again.id == first.id and not again.created


def test_running_the_steps_again_gives_the_same_baseline(gov: Governance) -> None:
    _watch(gov)
    assert _registered(gov).manifest == _registered(gov).manifest


def test_predictions_are_watched_on_rows_that_were_not_learned_from(gov: Governance) -> None:
    _watch(gov, ", prediction: score")
    version = _registered(gov)
    baseline = _kept(gov, version).baseline
    assert baseline.layout.features == ("level", "score")
    assert baseline.importance["score"] is None
    trained_end = parse_time(version.manifest["trained_end"]).date()
    days = dict(baseline.days)
    predicted = [day for day, block in days.items() if block.n[1]]
    assert predicted and min(predicted) > trained_end and max(predicted) < AT.date()
    assert all(block.n[0] == 0 for day, block in days.items() if day > trained_end)
    assert all(block.missing[1] == 0 for block in days.values())


def test_a_watched_column_that_was_not_trained_on_stops_before_training(gov: Governance) -> None:
    _watch(gov, ", features: [level, altitude]")
    gov.cycle.check_data("small", run=RUN, at=AT)
    with pytest.raises(ConfigError, match=r"drift\.features names altitude"):
        gov.cycle.train("small", run=RUN, at=AT)


def test_a_changed_file_of_the_run_is_not_registered(gov: Governance) -> None:
    _watch(gov)
    gov.cycle.check_data("small", run=RUN, at=AT)
    gov.cycle.train("small", run=RUN, at=AT)
    RunFolder(gov.settings.home, "small", RUN).file("drift_baseline.bin").write_bytes(b"other")
    with pytest.raises(ArtifactIntegrityError, match="run train again"):
        gov.cycle.register("small", run=RUN, at=AT, by="ann")


def test_two_baselines_beside_each_other_keep_what_each_counted() -> None:
    times = pd.date_range("2026-03-02", periods=72, freq="h", tz="UTC")
    frame = pd.DataFrame({"time": times, "x": np.arange(72.0), "y": np.arange(72) % 5 + 0.5})

    def of(name: str, part: pd.DataFrame) -> Baseline:
        return Baseline.of(
            part, features=[name], time_column="time", day_of=lambda moment: moment.date()
        )

    both = beside(of("x", frame.iloc[:48]), of("y", frame.iloc[24:]))
    assert [(block.rows, *block.n.tolist()) for _, block in both.days] == [
        (24, 24, 0), (24, 24, 24), (24, 0, 24)
    ]  # fmt: skip
    assert Baseline.decode(both.encode()) == both
