"""`gov.cycle`: check data, train, register, validate; each step again changes nothing."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from governance import Governance
from governance.errors import (
    ArtifactIntegrityError,
    ConfigError,
    DataQualityError,
    DataSourceError,
    GovernanceError,
    InvalidInputError,
    NaiveDatetimeError,
    TrainingError,
    UnsafeFormatError,
)
from governance.training.run_folder import RunFolder
from tests.training.small_model import declare, rows, write
from tests.versions import actions, head

AT = datetime(2020, 10, 1, tzinfo=UTC)
RUN = "manual__2020-10-01T00:00:00+00:00"


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


def _step(gov: Governance, step: str, *, run: str = RUN, at: datetime = AT) -> dict[str, Any]:
    if step == "register":
        return gov.cycle.register("small", run=run, at=at, by="ann")
    made: dict[str, Any] = getattr(gov.cycle, step)("small", run=run, at=at)
    return made


def _cycle(gov: Governance, *, run: str = RUN, at: datetime = AT) -> dict[str, Any]:
    for step in ("check_data", "train"):
        _step(gov, step, run=run, at=at)
    registered = _step(gov, "register", run=run, at=at)
    return {**registered, **gov.cycle.validate(registered["ref"], by="ann", at=at)}


def test_a_cycle_ends_with_a_validated_version_and_its_provenance(gov: Governance) -> None:
    done = _cycle(gov)
    assert (done["verdict"], done["stage"], done["reasons"]) == ("pass", "validated", [])
    version = gov.registry.resolve(done["version_id"])
    manifest = version.manifest
    for name in ("dataset_hash", "feature_graph_hash", "training_config_hash"):
        assert len(manifest[name]) == 64
    assert manifest["seed"] == 3
    assert manifest["config"]["trainer"]["params"]["rounds"] == 5
    assert set(manifest["splits"]) and manifest["trained_end"] < "2020-10-01"
    assert version.registered_at == AT and version.metadata["run"] == RUN
    recorded = gov.validation.by_split(version)
    assert recorded["test"]["auc"] == version.metrics["test"]["auc"] > 0.6
    index = json.loads((gov.settings.home / "models" / "registry_index.json").read_bytes())
    assert index["models"][version.id]["status"] == "validated"


def test_what_was_trained_is_loaded_with_its_own_data_and_features(gov: Governance) -> None:
    done = _cycle(gov)
    model, version = gov.registry.load_model(done["ref"])  # hashes the kept snapshot again
    assert model.predict(np.zeros((1, 1))).shape == (1,)
    assert "dataset.unverified" not in actions(gov)
    assert version.manifest["datasets"][0]["rows"] == 274


def test_only_rows_before_at_are_read(gov: Governance) -> None:
    step = _step(gov, "check_data", at=AT - timedelta(days=30))
    frame = pd.read_parquet(gov.settings.home / step["files"]["data.parquet"]["path"])
    assert frame["time"].max() < pd.Timestamp(AT - timedelta(days=30))


def test_steps_hand_over_small_json_with_paths_and_digests(gov: Governance) -> None:
    for step in ("check_data", "train", "register"):
        said = _step(gov, step)
        assert len(json.dumps(said)) < 8000
        for file in said["files"].values():
            assert not Path(file["path"]).is_absolute() and len(file["sha256"]) == 64


def test_every_step_again_changes_nothing_that_stands(gov: Governance) -> None:
    done = _cycle(gov)
    before = head(gov)
    for step in ("check_data", "train"):
        assert _step(gov, step) == _step(gov, step)
    again = _step(gov, "register")
    assert (again["version_id"], again["created"]) == (done["version_id"], False)
    assert gov.cycle.validate(done["ref"], by="ann", at=AT)["decision"] == done["decision"]
    assert head(gov) == before
    assert len(gov.registry.list_models()) == 1


def test_another_run_on_the_same_data_is_the_same_version(gov: Governance) -> None:
    done = _cycle(gov)
    again = _cycle(gov, run="scheduled__2020-10-02")
    assert (again["version_id"], again["created"]) == (done["version_id"], False)
    assert len(list((gov.settings.home / "datasets" / "small").iterdir())) == 1


def test_later_data_give_the_next_version(gov: Governance) -> None:
    assert _cycle(gov)["ref"] == "small:1.0.0"
    assert _cycle(gov, run="later", at=AT + timedelta(days=20))["ref"] == "small:1.0.1"


def test_a_version_below_its_limit_fails(gov: Governance, data: Path) -> None:
    declare(gov.settings.home, data, minimum=0.9999)
    done = _cycle(gov)
    assert (done["verdict"], done["stage"]) == ("fail", "failed")
    assert any("auc" in reason for reason in done["reasons"])


# -- order and tampering --------------------------------------------------------------------------


@pytest.mark.parametrize(("step", "missing"), [("train", "check_data"), ("register", "check_data")])
def test_a_step_before_its_predecessor_names_it(gov: Governance, step: str, missing: str) -> None:
    with pytest.raises(DataSourceError, match=f"run {missing} first"):
        _step(gov, step)


def test_registering_before_training_names_train(gov: Governance) -> None:
    _step(gov, "check_data")
    with pytest.raises(DataSourceError, match="run train first"):
        _step(gov, "register")
    assert head(gov) == 0


@pytest.mark.parametrize("file", ["data.parquet", "model/model.txt"])
def test_a_changed_hand_over_stops_the_run(gov: Governance, file: str) -> None:
    for step in ("check_data", "train"):
        _step(gov, step)
    folder = RunFolder(gov.settings.home, "small", RUN)
    folder.file(file).write_bytes(folder.file(file).read_bytes() + b"\n")
    with pytest.raises(ArtifactIntegrityError, match="again"):
        _step(gov, "register")
    assert head(gov) == 0


def test_data_checked_again_after_training_ask_for_training_again(
    gov: Governance, data: Path
) -> None:
    for step in ("check_data", "train"):
        _step(gov, step)
    frame = rows()
    frame["level"] += 0.01
    write(frame, data)
    _step(gov, "check_data")
    with pytest.raises(TrainingError, match="run train again"):
        _step(gov, "register")


def test_training_for_another_time_than_the_checked_one_is_refused(gov: Governance) -> None:
    _step(gov, "check_data")
    with pytest.raises(TrainingError, match="run check_data again"):
        _step(gov, "train", at=AT + timedelta(days=1))


# -- bad data and bad trainers --------------------------------------------------------------------


def _late(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(time=frame["time"] + timedelta(days=3650))


def _out_of_range(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(level=frame["level"].where(frame.index != 7, 1e6))


def _infinite(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(level=frame["level"].where(frame.index != 7, np.inf))


def _missing(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(level=frame["level"].where(frame.index % 2 == 0))


def _one_class(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(level=np.linspace(-1, 1, len(frame)))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda frame: frame.iloc[:0], DataSourceError),
        (_late, DataSourceError),
        (lambda frame: frame.iloc[:50], DataQualityError),
        (lambda frame: frame.drop(columns="level"), DataQualityError),
        (_out_of_range, DataQualityError),
        (_infinite, DataQualityError),
        (_missing, DataQualityError),
        (_one_class, DataQualityError),
    ],
    ids=["empty", "late", "few", "column", "range", "infinite", "missing", "one-class"],
)
def test_data_that_must_not_be_trained_on_stop_at_the_first_step(
    gov: Governance, data: Path, change: Any, error: type[GovernanceError]
) -> None:
    write(change(rows()), data)
    with pytest.raises(error) as refusal:
        _step(gov, "check_data")
    assert len(str(refusal.value)) > 20
    with pytest.raises(DataSourceError, match="run check_data first"):
        _step(gov, "train")
    assert head(gov) == 0


def test_a_source_file_that_is_not_there_is_named(gov: Governance, data: Path) -> None:
    data.unlink()
    with pytest.raises(DataSourceError, match=r"levels\.csv"):
        _step(gov, "check_data")


def test_a_trainer_that_changes_its_data_is_still_measured_on_the_real_ones(
    gov: Governance, data: Path
) -> None:
    before = _cycle(gov)
    declare(gov.settings.home, data, trainer="tests.training.small_model:spoils_its_data")
    after = _cycle(gov, run="spoiled")
    assert gov.validation.by_split(after["ref"]) == gov.validation.by_split(before["ref"])
    splits = [gov.registry.resolve(ref["ref"]).manifest["splits"] for ref in (before, after)]
    assert splits[0] == splits[1]


def test_changed_code_of_the_label_is_another_configuration_and_version(
    gov: Governance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the last rows get another label: the same bytes are trained, the test figures differ."""
    config = gov.settings.home / "config" / "governance.yaml"
    config.write_text(
        config.read_text().replace("tests.training.small_model:goes_up", "own_label:label")
    )
    monkeypatch.syspath_prepend(tmp_path)
    body = (
        "def label(frame):\n"
        "    later = frame['level'].shift(-1)\n"
        "    return (later > frame['level']).astype(float).where(later.notna())"
    )
    made = []
    for run, tail in (
        ("a", ""),
        ("b", "  # only a remark"),
        ("c", ".where(frame.index < 250, 1.0)"),
    ):
        (tmp_path / "own_label.py").write_text(f"{body}{tail}\n")
        monkeypatch.delitem(sys.modules, "own_label", raising=False)
        importlib.invalidate_caches()
        made.append(gov.registry.resolve(_cycle(gov, run=run)["ref"]))
    first, same, other = made
    assert same.id == first.id
    assert (other.ref, other.digest) == ("small:1.0.1", first.digest)
    assert other.manifest["training_config_hash"] != first.manifest["training_config_hash"]
    assert set(other.manifest["config"]["code"]) == {"label", "trainer"}
    for name in ("dataset_hash", "feature_graph_hash"):
        assert other.manifest[name] == first.manifest[name]


def test_code_that_cannot_be_read_has_no_digest(gov: Governance, data: Path) -> None:
    declare(gov.settings.home, data, trainer="tests.training.small_model:CALLABLE")
    version = gov.registry.resolve(_cycle(gov)["ref"])
    assert version.manifest["config"]["code"]["trainer"] is None
    assert len(version.manifest["config"]["code"]["label"]) == 64


@pytest.mark.parametrize("column", ["level", "other"])
def test_a_column_that_cannot_be_kept_is_named(
    gov: Governance, monkeypatch: pytest.MonkeyPatch, column: str
) -> None:
    _source(gov, monkeypatch, rows().assign(**{column: pd.Series([1, "a", b"c"] * 100)}))
    with pytest.raises((DataSourceError, DataQualityError), match=column):
        _step(gov, "check_data")


@pytest.mark.parametrize("value", [1j, object(), 2**70])
def test_an_undeclared_column_of_no_plain_type_is_named(
    gov: Governance, monkeypatch: pytest.MonkeyPatch, value: Any
) -> None:
    frame = rows()
    _source(gov, monkeypatch, frame.assign(other=pd.Series([value] * len(frame))))
    with pytest.raises(DataSourceError, match="'other'"):
        _step(gov, "check_data")


def _source(gov: Governance, monkeypatch: pytest.MonkeyPatch, frame: pd.DataFrame) -> None:
    module = ModuleType("own_source")
    module.rows = lambda at, params: frame[frame["time"] < at]  # type: ignore[attr-defined]  # a module made for this
    monkeypatch.setitem(sys.modules, "own_source", module)
    config = gov.settings.home / "config" / "governance.yaml"
    config.write_text(
        config.read_text().replace("governance.training.sources:csv", "own_source:rows")
    )


@pytest.mark.parametrize(
    ("trainer", "error", "says"),
    [
        ("tests.training.small_model:scores_training_rows", TrainingError, "split 'test'"),
        ("tests.training.small_model:scores_an_odd_split", TrainingError, "a b"),
        ("tests.training.small_model:dies", TrainingError, "ZeroDivisionError: mean of nothing"),
        ("tests.training.small_model:gives_a_dict", TrainingError, "returned a dict"),
        ("tests.training.small_model:gives_a_pickle", UnsafeFormatError, "ALLOW_PICKLE"),
        ("tests.training.small_model:missing", GovernanceError, "missing"),
        ("no.such.module:train", GovernanceError, "no.such.module"),
    ],
)
def test_a_bad_trainer_fails_its_step_and_registers_nothing(
    gov: Governance, data: Path, trainer: str, error: type[GovernanceError], says: str
) -> None:
    declare(gov.settings.home, data, trainer=trainer)
    _step(gov, "check_data")
    with pytest.raises(error, match=says):
        _step(gov, "train")
    with pytest.raises(DataSourceError, match="run train first"):
        _step(gov, "register")
    assert head(gov) == 0


def test_an_undeclared_model_is_refused_with_the_declared_names(gov: Governance) -> None:
    with pytest.raises(ConfigError, match=r"declared: small"):
        gov.cycle.check_data("unknown", run=RUN, at=AT)


def test_a_time_without_a_zone_is_refused(gov: Governance) -> None:
    for step in ("check_data", "train", "register"):
        with pytest.raises(NaiveDatetimeError):
            _step(gov, step, at=datetime(2020, 10, 1))


@pytest.mark.parametrize("run", ["", "  ", "x" * 501, "a\ud800", "a\0b", "a\nb"])
def test_a_run_needs_a_name(gov: Governance, run: str) -> None:
    with pytest.raises(InvalidInputError, match="run"):
        _step(gov, "check_data", run=run)


def test_a_policy_mistake_condemns_no_content_for_ever(gov: Governance, data: Path) -> None:
    home = gov.settings.home
    declare(home, data, minimum=0.999)
    first = _cycle(gov)
    assert (first["verdict"], first["stage"]) == ("fail", "failed")
    assert _cycle(gov)["ref"] == first["ref"]  # asked the same again: the same answer
    declare(home, data, minimum=0.6)
    second = _cycle(gov)
    assert (second["verdict"], second["stage"]) == ("pass", "validated")
    assert (first["ref"], second["ref"]) == ("small:1.0.0", "small:1.0.1")
    assert _cycle(gov)["ref"] == second["ref"]
    assert gov.registry.resolve(first["ref"]).stage == "failed"


def test_a_tightened_policy_turns_the_next_run_red_and_moves_nothing(
    gov: Governance, data: Path
) -> None:
    passed = _cycle(gov)
    declare(gov.settings.home, data, minimum=0.999)
    again = _cycle(gov)
    assert (again["ref"], again["verdict"]) == (passed["ref"], "fail")
    assert again["stage"] == "validated" and again["reasons"]
