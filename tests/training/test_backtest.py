"""`gov.validation.backtest`: the registered evaluation on any past window; nothing is written."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from governance import Governance
from governance.errors import (
    BacktestWindowError,
    ConfigError,
    InsufficientEvidenceError,
    NaiveDatetimeError,
    NotFoundError,
    TrainingError,
)
from governance.store import schema
from governance.values import ModelVersion, parse_time
from tests.model_bytes import model_file
from tests.training.small_model import declare, rows, write

AT = datetime(2020, 10, 1, tzinfo=UTC)
WALK = "splits: {method: walk_forward, folds: 3, test_size: 30, validation_size: 30, purge: 1}"
TIME = "splits: {method: time, validation_share: 0.2, test_share: 0.2, gap: 1d}"
DAY = timedelta(days=1)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "levels.csv"
    write(rows(), path)
    return path


@pytest.fixture
def gov(sqlite_url: str, tmp_path: Path, data: Path) -> Iterator[Governance]:
    declare(tmp_path / "home", data)
    with Governance.open(database=sqlite_url, home=tmp_path / "home") as opened:
        yield opened


def edit(gov: Governance, *changes: tuple[str, str]) -> None:
    file = gov.settings.home / "config" / "governance.yaml"
    text = file.read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    file.write_text(text)


def trained(gov: Governance, *, walk: bool = True) -> ModelVersion:
    if walk:
        edit(gov, (TIME, WALK), ("split: test", "split: out_of_sample"))
    for step in ("check_data", "train"):
        getattr(gov.cycle, step)("small", run="a", at=AT)
    registered = gov.cycle.register("small", run="a", at=AT, by="ann")
    return gov.registry.resolve(registered["ref"])


def state(gov: Governance) -> str:
    """Digest of every row of every table, and of every file of the home but the database's own."""
    found: dict[str, Any] = {}
    with gov.database.read() as connection:
        for table in schema.metadata.sorted_tables:
            found[table.name] = sorted(map(repr, connection.execute(select(table)).all()))
    for path in sorted(gov.settings.home.rglob("*")):
        if path.is_file() and not path.name.startswith("governance.db"):
            found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def test_on_the_registered_window_it_finds_the_registered_figures(gov: Governance) -> None:
    version = trained(gov)
    window = version.manifest["splits"]["out_of_sample"]
    before = state(gov)
    found = gov.validation.backtest(version, parse_time(window["start"]), AT)
    assert state(gov) == before
    assert found.metrics["out_of_sample"] == version.metrics["out_of_sample"]
    assert [one.name for one in found.windows] == ["fold_1", "fold_2", "fold_3"]
    for one in found.windows:
        recorded = version.manifest["splits"][f"{one.name}.test"]
        assert one.as_json()["start"] == recorded["start"]
        assert one.as_json()["end"] == recorded["end"]
        assert one.train_rows == version.manifest["splits"][f"{one.name}.train"]["rows"]
        assert one.train_end < one.start
        assert set(found.metrics[one.name]) == {"auc", "log_loss"}
    assert (found.rows, found.seed, found.warnings) == (90, 3, ())
    assert not any(used.changed for used in found.code.values())


def test_a_method_by_time_is_measured_on_the_window_by_one_fit_before_it(gov: Governance) -> None:
    version = trained(gov, walk=False)
    start = datetime(2020, 7, 1, tzinfo=UTC)
    before = state(gov)
    found = gov.validation.backtest(version.ref, start, start + 40 * DAY)
    assert state(gov) == before
    (window,) = found.windows
    assert (window.start, window.end) == (start, start + 38 * DAY)  # the 39th's label is not known
    assert window.train_end < start - 30 * DAY
    assert found.metrics["final"] == found.metrics["test"]
    assert found.metrics["test"]["auc"] is not None


def test_nothing_behind_the_window_is_seen(gov: Governance, data: Path) -> None:
    version = trained(gov)
    start, end = datetime(2020, 6, 1, tzinfo=UTC), datetime(2020, 8, 1, tzinfo=UTC)
    before = gov.validation.backtest(version, start, end)
    frame = rows()
    later = frame["time"] >= end
    frame.loc[later, "level"] = -frame.loc[later, "level"]
    write(frame, data)
    assert gov.validation.backtest(version, start, end) == before
    assert max(window.end for window in before.windows) < end


def test_folds_inside_the_versions_own_training_are_marked(gov: Governance) -> None:
    version = trained(gov)
    splits = version.manifest["splits"]
    trained_until = max(parse_time(splits[name]["end"]) for name in ("train", "validation"))
    found = gov.validation.backtest(version, trained_until - 29 * DAY, trained_until + 20 * DAY)
    assert [window.overlaps_training for window in found.windows] == [
        window.start <= trained_until for window in found.windows
    ]
    assert {window.overlaps_training for window in found.windows} == {True, False}
    small = found.handover()
    assert small["overlaps_training"] == ["fold_1"]
    assert set(small["metrics"]) == {"out_of_sample"}
    assert len(json.dumps(small)) < 4000
    whole = json.loads(json.dumps(found.as_json()))
    assert whole["windows"][0]["name"] == "fold_1"
    marked = {one["name"]: one["overlaps_training"] for one in whole["windows"]}
    assert {split: row["in_training"] for split, row in whole["metrics"].items()} == {
        **marked,
        "out_of_sample": True,
    }
    assert small["metrics"]["out_of_sample"]["in_training"] is True
    outside = replace(found, windows=found.windows[1:])
    assert outside.in_training("out_of_sample") is False
    assert found.in_training("fold_1.up:5") is True and found.in_training("fold_2.up:5") is False
    unknown = [replace(window, overlaps_training=None) for window in found.windows[1:]]
    assert replace(found, windows=tuple(unknown)).in_training("out_of_sample") is None


@pytest.mark.parametrize(
    ("start", "end", "problem"),
    [
        (AT, AT, "is empty"),
        (AT, AT - DAY, "is empty"),
        (datetime(2019, 1, 1, tzinfo=UTC), AT, "longer than the data"),
        (AT, datetime(2021, 6, 1, tzinfo=UTC), "longer than the data"),
        (datetime(2020, 1, 10, tzinfo=UTC), datetime(2020, 3, 1, tzinfo=UTC), "too few"),
        (AT, AT + timedelta(hours=5), "no row from"),
    ],
)
def test_a_window_in_which_nothing_can_be_evaluated_is_refused(
    gov: Governance, start: datetime, end: datetime, problem: str
) -> None:
    version = trained(gov)
    with pytest.raises(BacktestWindowError, match=problem):
        gov.validation.backtest(version, start, end)


def test_a_window_of_too_many_folds_is_refused_before_anything_is_trained(
    gov: Governance,
) -> None:
    edit(
        gov, (TIME, WALK.replace("test_size: 30", "test_size: 1").replace("folds: 3", "folds: 90"))
    )
    edit(gov, ("split: test", "split: out_of_sample"))
    for step in ("check_data", "train"):
        getattr(gov.cycle, step)("small", run="a", at=AT)
    ref = gov.cycle.register("small", run="a", at=AT, by="ann")["ref"]
    with pytest.raises(BacktestWindowError, match="shorter window"):
        gov.validation.backtest(ref, datetime(2020, 4, 1, tzinfo=UTC), AT)


def test_naive_times_unknown_and_undeclared_models_are_refused(gov: Governance) -> None:
    version = trained(gov)
    start = datetime(2020, 6, 1, tzinfo=UTC)
    with pytest.raises(NaiveDatetimeError, match="start"):
        gov.validation.backtest(version, start.replace(tzinfo=None), AT)
    with pytest.raises(NaiveDatetimeError, match="end"):
        gov.validation.backtest(version, start, AT.replace(tzinfo=None))
    with pytest.raises(NotFoundError):
        gov.validation.backtest("small:9.9.9", start, AT)
    edit(gov, ("\n  small:", "\n  other:"))
    with pytest.raises(ConfigError, match="'small' is not declared"):
        gov.validation.backtest(version, start, AT)


def test_a_version_without_the_record_of_its_training_is_refused(
    gov: Governance, tmp_path: Path
) -> None:
    version = gov.registry.register_model(
        "small", model_path=model_file(tmp_path), model_type="lightgbm", created_by="ann"
    )
    with pytest.raises(InsufficientEvidenceError, match="how it was trained"):
        gov.validation.backtest(version, datetime(2020, 6, 1, tzinfo=UTC), AT)


def test_what_was_registered_is_evaluated_not_what_is_declared_now(gov: Governance) -> None:
    version = trained(gov)
    start = datetime(2020, 6, 1, tzinfo=UTC)
    before = gov.validation.backtest(version, start, AT)
    edit(gov, ("rounds: 5", "rounds: 50"), ("seed: 3", "seed: 4"), ("folds: 3", "folds: 2"))
    assert gov.validation.backtest(version, start, AT) == before


def test_changed_code_is_used_and_said(
    gov: Governance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(gov, ("tests.training.small_model:goes_up", "own_label:label"))
    monkeypatch.syspath_prepend(tmp_path)
    body = (
        "def label(frame):\n"
        "    later = frame['level'].shift(-1)\n"
        "    return (later > frame['level']).astype(float).where(later.notna())"
    )
    (tmp_path / "own_label.py").write_text(body + "\n")
    version = trained(gov)
    start = datetime(2020, 6, 1, tzinfo=UTC)
    assert gov.validation.backtest(version, start, AT).warnings == ()
    (tmp_path / "own_label.py").write_text(body.replace(">", ">=") + "\n")
    monkeypatch.delitem(sys.modules, "own_label")
    found = gov.validation.backtest(version, start, AT)
    assert [name for name, used in found.code.items() if used.changed] == ["label"]
    assert any("the code of label is not the code" in warning for warning in found.warnings)
    assert found.as_json()["code"]["label"]["changed"] is True


def test_data_that_a_run_would_refuse_are_measured_with_a_warning(gov: Governance) -> None:
    version = trained(gov)
    edit(gov, ("min_rows: 100", "min_rows: 100000"))
    found = gov.validation.backtest(version, datetime(2020, 6, 1, tzinfo=UTC), AT)
    assert any("would refuse these data" in warning for warning in found.warnings)


def test_a_trainer_that_fails_is_named(gov: Governance, monkeypatch: pytest.MonkeyPatch) -> None:
    version = trained(gov)

    def dies(data: object, config: object) -> object:
        raise ZeroDivisionError("mean of nothing")

    monkeypatch.setattr("governance.training.trainers.lightgbm.train", dies)
    with pytest.raises(TrainingError, match="mean of nothing"):
        gov.validation.backtest(version, datetime(2020, 6, 1, tzinfo=UTC), AT)
