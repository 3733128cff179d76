"""The JSON files beside an artifact: document 000's tree, rendered from the record alone."""

from __future__ import annotations

import json

import pytest

from governance import Governance
from governance.errors import InvalidInputError
from governance.registry.documents import FILE_NAMES, pretty, render
from tests.versions import registered


def test_the_files_on_disk_are_what_the_record_renders(sqlite_gov: Governance) -> None:
    version = registered(sqlite_gov, features=["momentum", "volume"], metrics={"test": {"mae": 1}})
    spec = json.loads(_read(sqlite_gov, version.artifact_path, "feature_spec.json"))
    stored = sqlite_gov.registry.resolve(version.id)
    for name, content in render(stored, spec).items():
        assert _read(sqlite_gov, version.artifact_path, name) == content


def test_rendering_gives_the_four_files_of_document_000(sqlite_gov: Governance) -> None:
    version = registered(sqlite_gov, metrics={"auc": 0.5}, metadata={"run": "r1"})
    files = {name: json.loads(data) for name, data in render(version, None).items()}
    assert tuple(files) == FILE_NAMES
    meta = files["meta.json"]
    assert (meta["model_hash"], meta["strategy"]) == (version.id, version.name)
    assert meta["governance"] == {"status": "trained"}
    assert meta["metadata"] == {"run": "r1"}
    assert files["metrics.json"] == {"auc": 0.5}
    assert files["manifest.json"] == json.loads(json.dumps(dict(version.manifest)))
    assert files["feature_spec.json"] == {}


def test_equal_records_render_equal_bytes(sqlite_gov: Governance) -> None:
    version = registered(sqlite_gov, metadata={"b": 1, "a": 2})
    assert render(version, None) == render(sqlite_gov.registry.resolve(version.id), None)
    assert pretty({"b": 1, "a": 2}) == pretty({"a": 2, "b": 1})


def test_no_document_ever_holds_a_nan() -> None:
    with pytest.raises(InvalidInputError, match="NaN"):
        pretty({"auc": float("nan")})


def _read(gov: Governance, folder: str, name: str) -> bytes:
    return (gov.settings.home / folder / name).read_bytes()
