"""Durable files: whole or not there, typed errors, locks that die with their holder."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance import files
from governance.errors import (
    ArtifactIntegrityError,
    StorageFullError,
    StorageUnavailableError,
    UnavailableError,
)

HOLDER = """
import sys, time
from pathlib import Path
from governance.files import file_lock
with file_lock(Path(sys.argv[1]), exclusive=sys.argv[2] == "exclusive"):
    print("held", flush=True)
    sys.stdin.read()
"""


def failing(number: int) -> object:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_the_new_content_replaces_the_old_and_nothing_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    files.write_atomic(path, b"old")
    files.write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["manifest.json"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_content_and_no_leftover(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "manifest.json"
    files.write_atomic(path, b"old")
    monkeypatch.setattr(os, call, failing(errno.ENOSPC))
    with pytest.raises(StorageFullError, match="free some space"):
        files.write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["manifest.json"]


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, StorageFullError),
        (errno.EDQUOT, StorageFullError),
        (errno.EIO, StorageUnavailableError),
        (errno.EROFS, StorageUnavailableError),
        (errno.EACCES, StorageUnavailableError),
    ],
)
def test_every_failure_of_the_disk_has_a_type_and_keeps_its_cause(
    number: int, error: type[Exception]
) -> None:
    with pytest.raises(error) as caught, files.storage_errors("write x"):
        raise OSError(number, os.strerror(number))
    assert isinstance(caught.value.__cause__, OSError)


def test_a_link_is_replaced_and_its_target_is_left_alone(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"theirs")
    link.symlink_to(target)
    files.write_atomic(link, b"ours")
    assert (target.read_bytes(), link.read_bytes()) == (b"theirs", b"ours")
    assert not link.is_symlink()


@given(st.binary(max_size=300_000))
def test_the_hash_of_a_file_is_that_of_its_bytes(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        path.write_bytes(data)
        assert files.sha256_file(path) == hashlib.sha256(data).hexdigest()


def test_links_pipes_and_folders_are_not_read_as_files(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")  # a reader that waits for a writer would hang here
    (tmp_path / "folder").mkdir()
    for name in ("link", "pipe", "folder"):
        with pytest.raises(ArtifactIntegrityError):
            files.sha256_file(tmp_path / name)
    with pytest.raises(StorageUnavailableError, match="No such file"):
        files.sha256_file(tmp_path / "nothing")


def test_a_taken_name_is_reported_and_both_folders_stay(tmp_path: Path) -> None:
    for name in ("staged", "final"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "content").write_text(name)
    assert files.publish_folder(tmp_path / "staged", tmp_path / "final") is False
    assert (tmp_path / "final" / "content").read_text() == "final"
    assert (tmp_path / "staged" / "content").read_text() == "staged"
    assert files.publish_folder(tmp_path / "staged", tmp_path / "a" / "b" / "c") is True
    assert (tmp_path / "a" / "b" / "c" / "content").read_text() == "staged"
    assert not (tmp_path / "staged").exists()


@pytest.mark.parametrize(
    ("held", "wanted", "free"),
    [
        ("shared", False, True),
        ("shared", True, False),
        ("exclusive", False, False),
        ("exclusive", True, False),
    ],
)
def test_readers_share_a_lock_a_writer_is_alone_and_a_killed_holder_lets_go(
    tmp_path: Path, held: str, wanted: bool, free: bool
) -> None:
    path = tmp_path / "x.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), held],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        if free:
            with files.file_lock(path, exclusive=wanted, timeout=0):
                pass
        else:
            with (
                pytest.raises(UnavailableError, match="held by another process"),
                files.file_lock(path, exclusive=wanted, timeout=0.05),
            ):
                pass
        holder.kill()
        holder.wait()
        with files.file_lock(path, exclusive=True, timeout=5):
            pass
