"""Mutants: lines of the package that are replaced, found by what they say.

They are found at whatever depth they stand, and where they moved to another module; but once and no
more, since a mutant that replaces nothing would pass for one that its test kills.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DISTINCT = 30  # characters from which lines are followed into another module


@dataclass(frozen=True, slots=True)
class Mutant:
    """What is done to the source, and the test that must notice.

    ``file`` is looked at first; lines that moved to another module are followed there. Where
    nothing is replaced, the lines are added at the end of the file.
    """

    name: str
    file: str
    before: str
    after: str
    killed_by: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a mutant applies."""

    path: Path
    start: int
    end: int
    after: str  # indented as what it replaces

    def replaced(self, source: str) -> str:
        return source[: self.start] + self.after + source[self.end :]


def place_of(package: Path, mutant: Mutant) -> Place:
    """The one place in a package with the lines that a mutant replaces."""
    first = package / mutant.file
    if not mutant.before:
        end = len(first.read_text())
        return Place(first, end, end, mutant.after)
    wanted = re.compile(_at_any_depth(mutant.before))
    everywhere = sorted(package.rglob("*.py")) if len(mutant.before.strip()) >= DISTINCT else []
    for paths in ([first] if first.exists() else [], everywhere):
        found = [(path, hit) for path in paths for hit in wanted.finditer(path.read_text())]
        if len(found) == 1:
            ((path, hit),) = found
            deeper = _depth(hit[0]) - _depth(mutant.before)
            return Place(path, hit.start(), hit.end(), _moved(mutant.after, deeper))
    raise AssertionError(
        f"{mutant.name}: the line to replace is not there, or more than once; follow it:\n"
        f"{mutant.before}"
    )


def _at_any_depth(lines: str) -> str:
    """A pattern of these lines, however far they are indented."""
    start = "(?m:^)[ ]*" if lines.startswith(" ") else ""
    whole = lines.removesuffix("\n")
    inner = r"\n[ ]*".join(re.escape(line.lstrip(" ")) for line in whole.split("\n"))
    return start + inner + lines[len(whole) :]


def _depth(lines: str) -> int:
    return len(lines) - len(lines.lstrip(" "))


def _moved(lines: str, deeper: int) -> str:
    """The same with each indented line so much deeper, or less deep."""
    if deeper >= 0:
        return re.sub(r"(?m)^(?= )", " " * deeper, lines)
    return re.sub(rf"(?m)^ {{{-deeper}}}", "", lines)
