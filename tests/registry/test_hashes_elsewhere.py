"""The same inputs give the same hashes in another process, place, language and time zone.

The golden file also holds on Python 3.12 and 3.13 (run the tests there to see it), where f-strings
are cut into tokens differently than on 3.11.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parent / "samples"
GOLDEN: dict[str, str] = json.loads((SAMPLES / "hashes.json").read_text())
PLACES = {
    "Tokyo": {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo", "LC_ALL": "C"},
    "New York": {"PYTHONHASHSEED": "random", "TZ": "America/New_York", "LC_ALL": "de_DE.UTF-8"},
}


@pytest.mark.parametrize("place", PLACES)
def test_another_process_elsewhere_gives_the_golden_hashes(place: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SAMPLES / "print_hashes.py")],
        env={"PATH": os.environ["PATH"], **PLACES[place]},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == GOLDEN


def test_the_golden_hashes_tell_the_samples_apart() -> None:
    others = {name: value for name, value in GOLDEN.items() if name != "frame"}
    assert GOLDEN["frame"] == GOLDEN["a.parquet"]
    assert len(set(others.values())) == len(others)
