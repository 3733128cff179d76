"""Live data of a small model, written once for all tests of a worker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.evidence.drift.live_model import AT, HOUR, START, link_hours, write_hours


@pytest.fixture(scope="session")
def _hours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live")
    write_hours(folder, START, AT + 6 * HOUR)
    return folder


@pytest.fixture
def live(_hours: Path, tmp_path: Path) -> Path:
    """Eleven days and six hours as Parquet by hour; the test may replace and remove files."""
    return link_hours(_hours, tmp_path / "live")


@pytest.fixture
def other_live(_hours: Path, tmp_path: Path) -> Callable[[], Path]:
    """A second copy."""
    return lambda: link_hours(_hours, tmp_path / "other_live")
