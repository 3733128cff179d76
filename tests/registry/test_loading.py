"""`load_model`: bytes, data, features, probe, in this order; what fails one is not handed out."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from governance import Governance
from governance.errors import (
    ArtifactIntegrityError,
    ArtifactMissingError,
    ArtifactUnloadableError,
    DatasetMismatchError,
    DatasetUnavailableError,
    FeatureGraphMismatchError,
    InvalidInputError,
    NotFoundError,
    UnsafeFormatError,
)
from governance.registry import loading
from governance.registry.datasets import dataset_identity
from governance.registry.features import FeatureGraph
from governance.registry.formats import loader
from governance.registry.probe import probe
from governance.store.schema import load_verdicts
from governance.values import ModelVersion, Stage
from tests.model_bytes import KILLER, model_bytes
from tests.versions import NAME, actions, champion, head, registered

ROW = [[1.0, 0.0]]


@pytest.fixture
def gov(sqlite_gov: Governance) -> Governance:
    return sqlite_gov


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("day,close\n1,10.0\n2,11.0\n")
    return path


def _artifact(gov: Governance, version: ModelVersion) -> Path:
    return gov.settings.home / version.artifact_path / "model.txt"


# -- what is loaded -------------------------------------------------------------------------------


def test_what_is_loaded_predicts_as_what_was_registered(gov: Governance) -> None:
    version = registered(gov)
    model, found = gov.registry.load_model(f"{NAME}:1.0.0")
    assert found == gov.registry.resolve(version.id)
    assert model.predict(ROW).tolist() == [9.0]


def test_the_champion_is_loaded_by_its_stage(gov: Governance) -> None:
    live = champion(gov)
    model, found = gov.registry.load_model(f"{NAME}@production")
    assert (found.id, found.stage) == (live.id, Stage.PRODUCTION)
    assert model.predict(ROW).tolist() == [9.0]


def test_a_retired_version_still_loads(gov: Governance) -> None:
    version = gov.registry.deactivate_model(registered(gov), "ann", "old")
    assert gov.registry.load_model(version)[0].predict(ROW).tolist() == [9.0]


def test_a_draft_has_nothing_to_load(gov: Governance) -> None:
    draft = gov.registry.register_model(NAME, model_type="x", stage="draft", created_by="ann")
    with pytest.raises(NotFoundError, match="register"):
        gov.registry.load_model(draft)


def test_a_failed_version_is_not_handed_out(gov: Governance) -> None:
    version = gov.registry.transition(registered(gov), "failed", "ann", "wrong label")
    with pytest.raises(ArtifactUnloadableError, match="audit list"):
        gov.registry.load_model(version)


# -- bytes first ----------------------------------------------------------------------------------


def test_changed_bytes_are_refused_before_any_parser_sees_them(
    gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = registered(gov)
    _artifact(gov, version).write_bytes(KILLER)
    parsed: list[object] = []
    monkeypatch.setattr(loading, "verdict_for", lambda *_: parsed.append("probe"))
    monkeypatch.setattr(loader, "load_members", lambda *_, **__: parsed.append("parser"))
    with pytest.raises(ArtifactIntegrityError, match="digest"):
        gov.registry.load_model(version)
    assert parsed == []


def test_one_changed_byte_is_seen(gov: Governance) -> None:
    version = registered(gov)
    path = _artifact(gov, version)
    path.write_bytes(path.read_bytes().replace(b"leaf_value=9 10", b"leaf_value=9 11"))
    with pytest.raises(ArtifactIntegrityError):
        gov.registry.load_model(version)


def test_a_member_too_many_is_seen(gov: Governance) -> None:
    version = registered(gov)
    _artifact(gov, version).with_name("model.extra.txt").write_bytes(model_bytes(1))
    with pytest.raises(ArtifactIntegrityError):
        gov.registry.load_model(version)


def test_a_missing_artifact_says_how_to_restore_it(gov: Governance) -> None:
    version = registered(gov)
    shutil.rmtree(_artifact(gov, version).parent)
    with pytest.raises(ArtifactMissingError, match="restore"):
        gov.registry.load_model(version)


def test_a_link_in_place_of_the_artifact_is_not_followed(gov: Governance, tmp_path: Path) -> None:
    version = registered(gov)
    elsewhere = tmp_path / "elsewhere.txt"
    elsewhere.write_bytes(model_bytes())  # even with the right bytes
    _artifact(gov, version).unlink()
    _artifact(gov, version).symlink_to(elsewhere)
    with pytest.raises(ArtifactIntegrityError, match="link"):
        gov.registry.load_model(version)


# -- data -----------------------------------------------------------------------------------------


def test_the_same_rows_in_another_place_are_the_same_data(
    gov: Governance, data: Path, tmp_path: Path
) -> None:
    version = registered(gov, dataset_paths=[data])
    copy = tmp_path / "elsewhere" / data.name
    copy.parent.mkdir()
    shutil.copy(data, copy)
    gov.registry.load_model(version, current_dataset_paths=[copy])


@pytest.mark.parametrize("as_given", [str, Path])
def test_one_path_counts_as_a_list_of_one(gov: Governance, data: Path, as_given: type) -> None:
    version = registered(gov, dataset_paths=[data])
    gov.registry.load_model(version, current_dataset_paths=as_given(data))
    data.write_text("day,close\n1,10.0\n2,11.5\n")
    with pytest.raises(DatasetMismatchError, match=r"rows\.csv"):
        gov.registry.load_model(version, current_dataset_paths=as_given(data))


def test_data_below_the_home_moves_with_it(gov: Governance, tmp_path: Path) -> None:
    home = gov.settings.home
    data = home / "datasets" / "momentum" / "rows.csv"
    data.parent.mkdir(parents=True)
    data.write_text("day,close\n1,10.0\n")
    version = registered(gov, dataset_paths=[data])
    (record,) = version.manifest["datasets"]
    assert record["path"] == record["root"] == "datasets/momentum/rows.csv"
    assert version.manifest["dataset_hash"] == dataset_identity([data]).hash
    home.rename(tmp_path / "moved")
    with Governance.open(database=gov.settings.url, home=tmp_path / "moved") as moved:
        moved.registry.load_model(version)
        moved_data = tmp_path / "moved" / "datasets" / "momentum" / "rows.csv"
        moved_data.write_text("day,close\n1,10.5\n")
        with pytest.raises(DatasetMismatchError):
            moved.registry.load_model(version)
        moved_data.unlink()
        with pytest.raises(DatasetUnavailableError, match="moved"):
            moved.registry.load_model(version)


def test_other_rows_are_a_dataset_hash_mismatch(gov: Governance, data: Path) -> None:
    version = registered(gov, dataset_paths=[data])
    data.write_text("day,close\n1,10.0\n2,11.5\n")
    for paths in (None, [data]):  # registered paths are hashed again where none are given
        with pytest.raises(ValueError, match="Dataset hash mismatch") as mismatch:
            gov.registry.load_model(version, current_dataset_paths=paths)
        assert isinstance(mismatch.value, DatasetMismatchError)


def test_live_data_is_compared_by_schema(gov: Governance, data: Path) -> None:
    version = registered(gov, dataset_paths=[data])
    data.write_text("day,close\n3,12.0\n")
    gov.registry.load_model(version, current_dataset_paths=[data], verify_dataset_hash="schema")
    data.write_text("day,open\n3,12.0\n")
    with pytest.raises(DatasetMismatchError, match="schema"):
        gov.registry.load_model(version, current_dataset_paths=[data], verify_dataset_hash="schema")


def test_registered_data_that_is_gone_is_unavailable(gov: Governance, data: Path) -> None:
    version = registered(gov, dataset_paths=[data])
    data.unlink()
    with pytest.raises(DatasetUnavailableError):
        gov.registry.load_model(version)
    gov.registry.load_model(version, verify_dataset_hash=False)


def test_an_unknown_way_to_compare_is_refused(gov: Governance, data: Path) -> None:
    version = registered(gov, dataset_paths=[data])
    with pytest.raises(InvalidInputError, match="verify_dataset_hash"):
        gov.registry.load_model(version, verify_dataset_hash="loose")  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    "wrong",
    [
        {"verify_dataset_hash": "Schema"},
        {"verify_dataset_hash": None},
        {"verify_dataset_hash": 1},
        {"current_dataset_paths": 5},
        {"current_dataset_paths": [5]},
    ],
    ids=str,
)
def test_a_wrong_argument_is_refused_without_any_data_to_compare(
    gov: Governance, wrong: dict[str, Any]
) -> None:
    version = registered(gov)
    with pytest.raises(InvalidInputError, match=next(iter(wrong))):
        gov.registry.load_model(version, **wrong)


def test_a_version_without_data_is_recorded_unverified_once(gov: Governance) -> None:
    version = registered(gov)
    for _ in range(3):
        gov.registry.load_model(version)
    assert actions(gov) == ["version.registered", "dataset.unverified"]


def test_an_allowed_mismatch_of_data_is_audited_each_time(
    gov: Governance, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = registered(gov, dataset_paths=[data])
    data.write_text("day,close\n9,9.0\n")
    monkeypatch.setenv("ALLOW_DATASET_MISMATCH", "1")
    before = head(gov)
    gov.registry.load_model(version)
    gov.registry.load_model(version)
    assert actions(gov, after=before) == ["dataset.mismatch_allowed"] * 2
    assert "Dataset hash mismatch" in gov.audit.entries(after=before)[0].details["mismatch"]
    monkeypatch.setenv("ALLOW_DATASET_MISMATCH", "true")  # only "1" allows
    with pytest.raises(DatasetMismatchError):
        gov.registry.load_model(version)


# -- features -------------------------------------------------------------------------------------


def _features(window: int) -> FeatureGraph:
    return FeatureGraph.from_spec(
        {
            "inputs": ["close"],
            "definitions": [
                {
                    "name": "momentum",
                    "version": "1",
                    "dependencies": ["close"],
                    "logic": "governance.training.feature_logic:log_return",
                    "params": {"periods": window},
                }
            ],
        }
    )


def test_other_features_are_a_mismatch_that_says_what_changed(gov: Governance) -> None:
    version = registered(gov, features=_features(20))
    gov.registry.load_model(version, features=_features(20))
    with pytest.raises(FeatureGraphMismatchError, match=r"momentum.*20.*21"):
        gov.registry.load_model(version, features=_features(21))


def test_features_given_where_the_version_has_none_are_a_mismatch(gov: Governance) -> None:
    version = registered(gov)
    with pytest.raises(FeatureGraphMismatchError, match="without features"):
        gov.registry.load_model(version, features=["close"])


def test_features_not_given_are_not_checked_and_that_is_logged(
    gov: Governance, logged: pytest.LogCaptureFixture
) -> None:
    version = registered(gov, features=["close"])
    with logged.at_level("INFO", logger="governance.registry.loading"):
        gov.registry.load_model(version)
    assert "were not given" in logged.text


def test_an_allowed_mismatch_of_features_is_audited(
    gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = registered(gov, features=["close"], dataset_paths=())
    monkeypatch.setenv("ALLOW_FEATURE_MISMATCH", "1")
    gov.registry.load_model(version, features=["open"])
    assert actions(gov)[-1] == "features.mismatch_allowed"


# -- the probe ------------------------------------------------------------------------------------


def test_bytes_that_kill_their_parser_never_reach_it_here(gov: Governance, tmp_path: Path) -> None:
    """Registered as they are, so the digest is right; only the probe stands between."""
    path = tmp_path / "killer.txt"
    path.write_bytes(KILLER)
    version = gov.registry.register_model(
        NAME, model_path=path, model_type="lightgbm", created_by="ann"
    )
    for _ in range(2):
        with pytest.raises(ArtifactUnloadableError, match="probed"):
            gov.registry.load_model(version)
    assert _verdicts(gov) == 1


def test_the_first_load_probes_and_the_next_ones_do_not(
    gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = registered(gov)
    probes: list[int] = []

    def counted(*arguments: Any, **named: Any) -> Any:
        probes.append(1)
        return probe(*arguments, **named)

    monkeypatch.setattr("governance.registry.load_verdicts.probe", counted)
    for _ in range(3):
        gov.registry.load_model(version)
    assert (len(probes), _verdicts(gov)) == (1, 1)


# -- unsafe formats -------------------------------------------------------------------------------


def _pickled(gov: Governance, folder: Path) -> ModelVersion:
    path = folder / "model.txt"  # the suffix lies
    path.write_bytes(pickle.dumps({"weights": [1, 2]}))
    return gov.registry.register_model(NAME, model_path=path, model_type="dict", created_by="ann")


def test_a_pickle_may_be_registered_but_not_loaded_without_the_setting(
    gov: Governance, tmp_path: Path
) -> None:
    version = _pickled(gov, tmp_path)
    assert version.format == "pickle"
    with pytest.raises(UnsafeFormatError, match="GOVERNANCE_ALLOW_PICKLE"):
        gov.registry.load_model(version)


def test_a_pickle_loads_where_the_setting_allows_it(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOVERNANCE_ALLOW_PICKLE", "true")
    with Governance.open(database=sqlite_url, home=tmp_path / "home") as gov:
        model, _ = gov.registry.load_model(_pickled(gov, tmp_path))
    assert model == {"weights": [1, 2]}


def test_the_documents_are_not_what_decides(gov: Governance) -> None:
    """Somebody who can write files only cannot change stage, digest or format by them."""
    version = registered(gov)
    meta = _artifact(gov, version).with_name("meta.json")
    changed = json.loads(meta.read_bytes()) | {"digest": "0" * 64, "format": "pickle"}
    meta.write_text(json.dumps(changed))
    assert gov.registry.load_model(version)[0].predict(ROW).tolist() == [9.0]


def _verdicts(gov: Governance) -> int:
    with gov.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(load_verdicts)).scalar_one())
