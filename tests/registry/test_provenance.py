"""The manifest: each of its three hashes changes with its own input, and with nothing else."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.canonical import canonical_json
from governance.errors import InvalidEvidenceError, InvalidInputError, NaiveDatetimeError
from governance.registry.datasets import frame_identity
from governance.registry.feature_definition import FeatureDefinition
from governance.registry.features import FeatureGraph
from governance.registry.provenance import (
    build_manifest,
    git_state,
    package_versions,
    provenance_digest,
    training_config_hash,
)

KEYS = {
    "dataset_hash",
    "feature_graph_hash",
    "training_config_hash",
    "git_commit",
    "git_dirty",
    "packages",
    "python",
    "seed",
    "metrics",
    "config",
    "splits",
    "trained_end",
    "datasets",
}
HASHES = ("dataset_hash", "feature_graph_hash", "training_config_hash")
FRAME = pd.DataFrame({"low": [1, 2, 3], "high": [2.0, 3.0, None], "note": ["a", "b", None]})
FEATURES = (
    FeatureDefinition("low", "1", ("low",), "column"),
    FeatureDefinition("high", "1", ("high",), "column"),
)
CONFIG: dict[str, Any] = {"leaves": 15, "rate": 0.1, "deep": {"bags": [1, 2]}, "name": None}

scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-1, 1) | st.text(max_size=3)
configs = st.dictionaries(
    st.text(max_size=3), st.recursive(scalars, lambda v: st.lists(v, max_size=2)), max_size=4
)


def manifest(
    frame: pd.DataFrame = FRAME,
    features: tuple[FeatureDefinition, ...] = FEATURES,
    config: dict[str, Any] = CONFIG,
    **more: Any,
) -> dict[str, Any]:
    graph = FeatureGraph(features, ["low", "high"])
    dataset = frame_identity(frame)
    return build_manifest(dataset=dataset, features=graph, config=config, packages={}, **more)


BASE = manifest()


def changed(other: dict[str, Any]) -> list[str]:
    return [key for key in HASHES if BASE[key] != other[key]]


@given(st.data())
def test_a_changed_cell_changes_exactly_the_dataset_hash(data: st.DataObject) -> None:
    column = data.draw(st.sampled_from(list(FRAME.columns)))
    row = data.draw(st.integers(0, 2))
    cells = {"low": st.integers(4, 9), "high": st.floats(4, 9), "note": st.text("cd", min_size=1)}
    frame = FRAME.copy()
    frame[column] = frame[column].where(frame.index != row, data.draw(cells[column]))
    assert changed(manifest(frame)) == ["dataset_hash"]


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.iloc[:-1],
        lambda frame: pd.concat([frame, frame.iloc[[0]]], ignore_index=True),
        lambda frame: frame.iloc[::-1].reset_index(drop=True),
        lambda frame: frame.astype({"low": "float64"}),
        lambda frame: frame.astype({"low": "int32"}),
        lambda frame: frame.rename(columns={"note": "Note"}),
        lambda frame: frame.assign(more=1),
        lambda frame: frame.drop(columns="note"),
    ],
)
def test_a_changed_row_column_or_dtype_changes_exactly_the_dataset_hash(
    change: Callable[[pd.DataFrame], pd.DataFrame],
) -> None:
    assert changed(manifest(change(FRAME))) == ["dataset_hash"]


@given(st.sampled_from(["name", "version"]), st.integers(0, 1), st.text("uvw", min_size=1))
def test_a_changed_definition_changes_exactly_the_feature_graph_hash(
    field: str, place: int, text: str
) -> None:
    features = list(FEATURES)
    features[place] = replace(features[place], **{field: text})  # type: ignore[arg-type]  # by name
    assert changed(manifest(features=tuple(features))) == ["feature_graph_hash"]


@given(st.sampled_from(list(CONFIG)), scalars)
def test_a_changed_config_value_changes_exactly_the_config_hash(key: str, value: Any) -> None:
    config = {**CONFIG, key: value}
    same = canonical_json(config) == canonical_json(CONFIG)
    assert changed(manifest(config=config)) == ([] if same else ["training_config_hash"])


@given(configs, configs)
def test_config_hashes_are_equal_exactly_when_the_configs_are(
    one: dict[str, Any], two: dict[str, Any]
) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)
    assert (training_config_hash(one) == training_config_hash(two)) == same


@given(configs)
def test_the_order_of_keys_does_not_matter(config: dict[str, Any]) -> None:
    backwards = dict(reversed(config.items()))
    assert training_config_hash(backwards) == training_config_hash(config)


def test_the_digest_is_of_the_three_hashes_alone() -> None:
    other = manifest(metrics={"auc": 0.7}, seed=9, git=("c" * 40, True), split_windows=[1])
    assert provenance_digest(other) == provenance_digest(BASE)
    digests = {
        provenance_digest({key: str(place == here) for here, key in enumerate(HASHES)})
        for place in range(4)
    }
    assert len(digests) == 4


def test_what_was_not_given_is_recorded_as_unknown() -> None:
    empty = build_manifest()
    assert set(empty) == KEYS
    assert [empty[key] for key in (*HASHES, "git_commit", "git_dirty", "trained_end")] == [None] * 6
    assert empty["datasets"] == []


def test_a_manifest_is_plain_json() -> None:
    made = manifest(
        metrics={"auc": np.float64(0.75), "trades": np.int64(3), "sharpe": None},
        seed=7,
        split_windows={
            "test": (datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 2, 1, tzinfo=UTC))
        },
        trained_end=datetime(2013, 2, 1, tzinfo=UTC),
        git=("c" * 40, False),
    )
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert set(made) == KEYS
    assert made["metrics"] == {"auc": 0.75, "trades": 3, "sharpe": None}
    assert made["trained_end"] == "2013-02-01T00:00:00.000000Z"
    assert (made["git_commit"], made["git_dirty"], made["seed"]) == ("c" * 40, False, 7)
    assert made["datasets"][0]["rows"] == 3


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float32("nan")])
def test_a_metric_that_is_not_finite_is_refused_by_name(value: float) -> None:
    with pytest.raises(InvalidEvidenceError, match="metric 'auc'"):
        build_manifest(metrics={"auc": value})


def test_times_without_a_zone_and_configs_without_a_form_are_refused() -> None:
    with pytest.raises(NaiveDatetimeError, match="trained_end"):
        build_manifest(trained_end=datetime(2013, 2, 1))
    with pytest.raises(InvalidInputError):
        build_manifest(config={"model": object()})


def test_the_versions_of_what_can_change_a_model_are_recorded() -> None:
    versions = package_versions()
    assert versions["numpy"] == np.__version__
    assert versions["pandas"] == pd.__version__
    assert {"lightgbm", "scikit-learn"} <= {name for name, version in versions.items() if version}


# -- git -------------------------------------------------------------------------------------------


def git(folder: Path, *arguments: str) -> None:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    name = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(
        ["git", *name, "-C", str(folder), *arguments],
        check=True,
        capture_output=True,
        env={**kept, "GIT_CONFIG_GLOBAL": os.devnull},
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "a.txt").write_text("1")
    (folder / ".gitignore").write_text("ignored\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    return folder


def test_a_clean_repository_gives_its_commit(repository: Path) -> None:
    commit, dirty = git_state(repository)
    head = (repository / ".git" / "HEAD").read_text().split()[1]
    assert commit == (repository / ".git" / head).read_text().strip()
    assert dirty is False
    (repository / "below").mkdir()
    (repository / "ignored").touch()
    assert git_state(repository / "below") == (commit, False)


@pytest.mark.parametrize("name", ["a.txt", "new.txt"])
def test_a_changed_or_unknown_file_makes_it_dirty(repository: Path, name: str) -> None:
    (repository / name).write_text("2")
    assert git_state(repository)[1] is True


def test_variables_of_git_are_not_heeded(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    monkeypatch.setenv("GIT_DIR", str(repository / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(repository))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert git_state(outside) == (None, None)


def test_a_monitor_in_the_repositorys_settings_is_not_started(
    repository: Path, tmp_path: Path
) -> None:
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path / 'sprung'}\n")
    trap.chmod(0o755)
    git(repository, "config", "core.fsmonitor", str(trap))
    assert git_state(repository)[1] is False
    assert not (tmp_path / "sprung").exists()


def test_no_repository_no_commit_no_folder_and_no_git_are_unknown(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "-q")
    assert git_state(empty) == (None, None)
    assert git_state(tmp_path / "missing") == (None, None)
    monkeypatch.setenv("PATH", str(empty))
    assert git_state(repository) == (None, None)
