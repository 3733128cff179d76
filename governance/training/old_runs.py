"""Folders of runs that nobody looks at any more: what the steps handed to each other, no record.

What a version needs to be proved (artifact, training data, provenance) lies elsewhere, so a run's
folder may go once the run will not be cleared and repeated. Clearing an older run makes it again,
beginning with check_data.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

_NOT_RUNS = "artifacts"  # the artifact store's own staging, which `registry gc` looks after


def old_runs(home: Path, *, before: datetime) -> list[str]:
    """Run folders in which nothing was written since `before`; paths relative to `home`, sorted."""
    found = []
    for folder in sorted((home / "staging").glob("*/*/")):
        if folder.parent.name == _NOT_RUNS or folder.is_symlink():
            continue
        newest = max(path.lstat().st_mtime for path in (folder, *folder.rglob("*")))
        if datetime.fromtimestamp(newest, UTC) < before:
            found.append(folder.relative_to(home).as_posix())
    return found


def remove_runs(home: Path, paths: list[str]) -> None:
    """Delete run folders that `old_runs` listed; one that is gone already is fine."""
    for path in paths:
        shutil.rmtree(home / path, ignore_errors=True)
