"""The lock files: complete, hashed, the same versions everywhere, and no private addresses."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from local.lock import LOCKS, command

ROOT = Path(__file__).resolve().parents[2]


def pins(lock: str) -> dict[str, set[str]]:
    """Versions by package; one package may have several under different markers."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(
        r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", (ROOT / lock).read_text(), re.MULTILINE
    ):
        found.setdefault(name.lower().replace("_", "-"), set()).add(version)
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash(lock: str) -> None:
    text = (ROOT / lock).read_text()
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(blocks) > 150
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_no_address_and_no_path_is_written_down(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert not re.search(r"https?://|file:|--(extra-)?index-url|--find-links|/home/|/root/", text)


def test_one_package_has_one_version_in_all_locks() -> None:
    largest = pins("requirements-dev.txt")
    for lock in LOCKS:
        for name, versions in pins(lock).items():
            assert versions <= largest[name], (lock, name)


@pytest.mark.parametrize(("lock", "extras"), LOCKS.items())
def test_what_the_project_asks_for_is_in_the_lock(lock: str, extras: tuple[str, ...]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = list(project["dependencies"])
    for extra in extras:
        asked += project["optional-dependencies"][extra]
    names = {re.split(r"[\[<>=~! ;]", line)[0].lower().replace("_", "-") for line in asked}
    assert names <= set(pins(lock))


def test_locks_are_compiled_for_every_platform_and_the_oldest_python() -> None:
    for lock in LOCKS:
        line = " ".join(command(lock))
        assert "--universal --python-version 3.11 --generate-hashes" in line
