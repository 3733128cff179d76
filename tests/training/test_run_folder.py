"""The folder of a run: what a step wrote is what the next one reads, or there is an error."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import (
    ArtifactIntegrityError,
    DataSourceError,
    InvalidInputError,
    InvalidNameError,
)
from governance.training.run_folder import RunFolder

run_ids = st.text(min_size=1, max_size=120).filter(lambda text: text.strip() and text.isprintable())


@given(run=run_ids)
def test_no_run_id_leads_out_of_the_models_folder(run: str) -> None:
    home = Path("/home")
    path = RunFolder(home, "small", run).path
    assert path.parent == home / "staging" / "small"
    assert path.name not in ("", ".", "..") and "/" not in path.name
    assert len(path.name.encode()) <= 100


@given(one=run_ids, other=run_ids)
def test_two_runs_never_share_a_folder(one: str, other: str) -> None:
    same = RunFolder(Path("/h"), "m", one).path == RunFolder(Path("/h"), "m", other).path
    assert same == (one == other)


def test_run_ids_that_differ_in_unsafe_characters_only_are_two_runs() -> None:
    paths = {RunFolder(Path("/h"), "m", run).path for run in ("a+b", "a:b", "a b", "a/b", "../b")}
    assert len(paths) == 5


@given(
    facts=st.dictionaries(
        st.text(max_size=10).filter(lambda key: key != "files"),
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        max_size=4,
    ),
    data=st.binary(max_size=100),
)
def test_what_is_finished_is_taken(facts: dict[str, object], data: bytes) -> None:
    with tempfile.TemporaryDirectory() as home:
        folder = RunFolder(Path(home), "small", "r")
        made = folder.finish("data", facts, {"data.bin": data})
        taken = folder.take("data", "check_data")
        assert taken == made
        assert {key: value for key, value in taken.items() if key != "files"} == facts
        assert folder.file("data.bin").read_bytes() == data


def test_a_step_again_replaces_its_files_and_record(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "small", "r")
    folder.finish("data", {"rows": 1}, {"data.bin": b"1"})
    folder.finish("data", {"rows": 2}, {"data.bin": b"2"})
    assert folder.take("data", "check_data")["rows"] == 2
    assert folder.file("data.bin").read_bytes() == b"2"


def test_a_step_that_did_not_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataSourceError, match=r"run train first \(clear it in Airflow\)"):
        RunFolder(tmp_path, "small", "r").take("training", "train")


@pytest.mark.parametrize("damage", ["change", "remove", "folder"])
def test_a_file_that_is_not_what_was_written_is_refused(tmp_path: Path, damage: str) -> None:
    folder = RunFolder(tmp_path, "small", "r")
    folder.finish("data", {}, {"data.bin": b"1"})
    path = folder.file("data.bin")
    path.unlink()
    if damage == "change":
        path.write_bytes(b"2")
    elif damage == "folder":
        path.mkdir()
    with pytest.raises(ArtifactIntegrityError, match="run check_data again"):
        folder.take("data", "check_data")


@pytest.mark.parametrize("record", [b"", b"{", b"\xff", b"[]", b"{}", b'{"files": 7}', b"null"])
def test_a_record_that_cannot_be_read_is_refused(tmp_path: Path, record: bytes) -> None:
    folder = RunFolder(tmp_path, "small", "r")
    folder.finish("data", {}, {})
    folder.file("data.json").write_bytes(record)
    with pytest.raises(ArtifactIntegrityError, match="run check_data again"):
        folder.take("data", "check_data")


@pytest.mark.parametrize("run", ["", " ", "x" * 501, None, 7])
def test_a_run_needs_a_name(tmp_path: Path, run: object) -> None:
    with pytest.raises(InvalidInputError):
        RunFolder(tmp_path, "small", run)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize("model", ["../etc", "", "a/b", ".", "Small"])
def test_a_model_name_is_checked_before_it_becomes_a_path(tmp_path: Path, model: str) -> None:
    with pytest.raises(InvalidNameError):
        RunFolder(tmp_path, model, "r")
