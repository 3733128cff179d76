"""Training data kept by content: once, where its hash says, and mended when damaged."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from governance.errors import GovernanceError, InvalidNameError
from governance.training.snapshots import keep


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "data.parquet"
    path.write_bytes(b"rows")
    return path


def test_data_are_kept_under_their_own_hash(tmp_path: Path, source: Path) -> None:
    place = keep(tmp_path / "home", "small", source)
    assert place.read_bytes() == b"rows"
    digest = hashlib.sha256(b"rows").hexdigest()
    assert place == tmp_path / "home" / "datasets" / "small" / f"{digest}.parquet"


def test_the_same_data_are_kept_once(tmp_path: Path, source: Path) -> None:
    first = keep(tmp_path, "small", source)
    written = first.stat().st_mtime_ns
    assert keep(tmp_path, "small", source) == first
    assert first.stat().st_mtime_ns == written


def test_a_damaged_snapshot_is_mended(tmp_path: Path, source: Path) -> None:
    place = keep(tmp_path, "small", source)
    place.write_bytes(b"half")
    assert keep(tmp_path, "small", source).read_bytes() == b"rows"


def test_other_data_and_other_models_have_places_of_their_own(tmp_path: Path, source: Path) -> None:
    first = keep(tmp_path, "small", source)
    assert keep(tmp_path, "other", source) != first
    source.write_bytes(b"rows!")
    assert keep(tmp_path, "small", source) != first
    assert first.read_bytes() == b"rows"


def test_a_name_or_a_source_that_cannot_be_is_refused(tmp_path: Path, source: Path) -> None:
    with pytest.raises(InvalidNameError):
        keep(tmp_path, "../etc", source)
    for wrong in (tmp_path / "missing.parquet", tmp_path):
        with pytest.raises(GovernanceError):
            keep(tmp_path, "small", wrong)
    assert not (tmp_path / "datasets").exists()
