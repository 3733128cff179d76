"""From a path that a caller gives to members: content decides, links are not followed."""

from __future__ import annotations

import gzip
import os
import pickle
from pathlib import Path

import pytest

from governance.errors import GovernanceError, InvalidInputError
from governance.registry.given_files import collect_members
from tests.model_bytes import model_bytes


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("name", "data", "member", "format_name"),
    [
        ("a.pkl", model_bytes(), "model.txt", "lightgbm-text"),
        ("a.txt", pickle.dumps({"a": 1}), "model.pkl", "pickle"),
        ("a.lgb", gzip.compress(b"x", mtime=0), "model.joblib", "joblib"),
        ("a.onnx", b"\x08\x07 something", "model.onnx", "unknown"),
        ("a", b"no suffix", "model.bin", "unknown"),
        ("a.we ird!", b"odd suffix", "model.weird", "unknown"),
    ],
)
def test_the_content_names_the_member_not_the_suffix(
    tmp_path: Path, name: str, data: bytes, member: str, format_name: str
) -> None:
    path = _write(tmp_path / name, data)
    assert collect_members(path) == ({member: path}, format_name)


def test_a_folder_gives_its_model_files_and_nothing_else(tmp_path: Path) -> None:
    _write(tmp_path / "model.h1.txt", model_bytes(1))
    _write(tmp_path / "model.h5.pkl", pickle.dumps(1))
    _write(tmp_path / "README", b"not a member")
    _write(tmp_path / ".model.txt", b"hidden")
    members, format_name = collect_members(tmp_path)
    assert sorted(members) == ["model.h1.txt", "model.h5.pkl"]
    assert format_name == "lightgbm-text+pickle"


def test_a_folder_without_members_is_refused(tmp_path: Path) -> None:
    _write(tmp_path / "weights.txt", model_bytes())
    with pytest.raises(InvalidInputError, match=r"model\.\*"):
        collect_members(tmp_path)


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    real = _write(tmp_path / "real.txt", model_bytes())
    link = tmp_path / "link.txt"
    link.symlink_to(real)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    looped = tmp_path / "loop"
    looped.symlink_to(looped)
    for path in (link, pipe, looped, Path("/dev/null"), tmp_path / "missing.txt"):
        with pytest.raises(InvalidInputError):
            collect_members(path)


def test_a_link_in_place_of_a_folder_or_of_a_member_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    _write(folder / "model.txt", model_bytes())
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(InvalidInputError, match="links"):
        collect_members(tmp_path / "link")
    (folder / "model.passwd").symlink_to("/etc/passwd")
    with pytest.raises(InvalidInputError, match="links"):
        collect_members(folder)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="at least one byte"):
        collect_members(_write(tmp_path / "model.txt", b""))


@pytest.mark.parametrize("path", ["", "\x00", "x" * 5000, "\ud800"])
def test_a_path_that_no_system_takes_is_refused(path: str) -> None:
    with pytest.raises(GovernanceError):
        collect_members(Path(path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "model.txt", model_bytes())
    path.chmod(0)
    with pytest.raises(GovernanceError):
        collect_members(path)
