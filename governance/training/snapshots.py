"""Training data kept by content: ``<home>/datasets/<model>/<hash>.parquet``.

A version's provenance names its data; the snapshot makes that name lead somewhere after the run's
folder is gone. The same data is kept once, however many runs train on it.
"""

from __future__ import annotations

from pathlib import Path

from governance.files import make_folders, sha256_file, write_atomic
from governance.values import check_digest, check_model_name


def keep(home: Path, model: str, source: Path) -> Path:
    """Copy `source` to its place by content, unless it is there already; gives the place."""
    digest = check_digest(sha256_file(source))
    place = home / "datasets" / check_model_name(model) / f"{digest}.parquet"
    if not place.is_file() or sha256_file(place) != digest:
        make_folders(place.parent)
        write_atomic(place, source.read_bytes())
    return place
