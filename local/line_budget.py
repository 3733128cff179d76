"""The size rules of `make lint`: 300 lines a module, 120 a DAG file, and names that say something.

An exception stands in `line_budget.txt` with its reason; one that is no longer needed is an error
too, so the list only holds what is true. Not measured: tests and migrations.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent
EXCEPTIONS = ROOT / "local" / "line_budget.txt"
MODULE, DAG = 300, 120
SAYS_NOTHING = {"util", "utils", "helper", "helpers", "common", "misc", "base"}


def limit(path: str) -> int:
    return DAG if path.startswith("dags/") else MODULE


def read_exceptions(text: str) -> dict[str, str]:
    """`path  reason` per line; an exception without a reason is refused.

    >>> read_exceptions("# why\\na.py  one table of codes")
    {'a.py': 'one table of codes'}
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        path, _, reason = line.strip().partition(" ")
        if not path or path.startswith("#"):
            continue
        if not reason.strip():
            raise ValueError(f"line_budget.txt: {path} is listed without a reason")
        found[path] = reason.strip()
    return found


def problems(lines: Mapping[str, int], exceptions: Mapping[str, str]) -> list[str]:
    """What breaks a rule, one sentence each.

    >>> problems({"dags/a.py": 121, "b.py": 300}, {})
    ['dags/a.py has 121 lines, allowed are 120: split it, or list it with a reason']
    """
    found = []
    for path, count in sorted(lines.items()):
        if PurePosixPath(path).stem in SAYS_NOTHING:
            found.append(f"{path}: the name says nothing; call it after the one idea in it")
        over = count > limit(path)
        if over and path not in exceptions:
            rule = f"allowed are {limit(path)}: split it, or list it with a reason"
            found.append(f"{path} has {count} lines, {rule}")
        if path in exceptions and not over:
            found.append(f"{path} has only {count} lines: take it off line_budget.txt")
    gone = sorted(set(exceptions) - set(lines))
    return found + [f"{path} is listed in line_budget.txt and does not exist" for path in gone]


def measured(paths: Iterable[str], root: Path = ROOT) -> dict[str, int]:
    kept = (p for p in paths if not p.startswith("tests/") and "/migrations/versions/" not in p)
    return {p: len((root / p).read_bytes().splitlines()) for p in kept if (root / p).is_file()}


def python_files(root: Path = ROOT) -> list[str]:
    """Files that git tracks or would track; what is ignored is nobody's code."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.py"]
    return subprocess.run(
        listing, cwd=root, check=True, capture_output=True, text=True
    ).stdout.splitlines()


def main() -> int:
    lines = measured(python_files())
    found = problems(lines, read_exceptions(EXCEPTIONS.read_text()))
    for problem in found:
        print(problem, file=sys.stderr)
    if not found:
        print(f"line budget: {len(lines)} modules, the longest has {max(lines.values())} lines")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
