"""The folder of one retrain run, ``<home>/staging/<model>/<run>/``: what the steps hand to each
other.

Every step ends by writing its record, a small JSON with the paths and digests of what it made. The
next step reads the record and checks the digests before it opens anything, so that a half-written
or changed file stops the run. Running a step again replaces its files and its record.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from governance.canonical import canonical_json
from governance.errors import ArtifactIntegrityError, DataSourceError, InvalidInputError
from governance.files import make_folders, sha256_file, write_atomic
from governance.values import check_model_name

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


class RunFolder:
    """
    >>> import tempfile
    >>> folder = RunFolder(Path(tempfile.mkdtemp()), "momentum", "manual__2017-12-29T22:00+00:00")
    >>> record = folder.finish("data", {"rows": 3}, {"data.csv": b"..."})
    >>> folder.take("data", "check_data")["rows"]
    3
    """

    def __init__(self, home: Path, model: str, run: str) -> None:
        named = isinstance(run, str) and run.strip() and len(run) <= 500 and run.isprintable()
        if not named:
            raise InvalidInputError(
                "run must be a text that names the run, for example its run id: one line of at "
                "most 500 printable characters"
            )
        # Readable, and distinct even where two run ids differ only in unsafe characters.
        readable = _UNSAFE.sub("_", run)[:80].strip("._")
        short = hashlib.sha256(run.encode()).hexdigest()[:8]
        self.home = home
        self.path = home / "staging" / check_model_name(model) / f"{readable}-{short}"

    def file(self, name: str) -> Path:
        return self.path / name

    def finish(
        self, step: str, facts: Mapping[str, Any], files: Mapping[str, bytes | None]
    ) -> dict[str, Any]:
        """Write the files (``None``: written already), then the step's record; gives the record."""
        make_folders(self.path)
        for name, data in files.items():
            if data is not None:
                make_folders(self.file(name).parent)
                write_atomic(self.file(name), data)
        record = {
            **facts,
            "files": {
                name: {
                    "path": self.file(name).relative_to(self.home).as_posix(),
                    "sha256": sha256_file(self.file(name)),
                }
                for name in files
            },
        }
        write_atomic(self.file(f"{step}.json"), canonical_json(record).encode())
        return record

    def take(self, step: str, task: str) -> dict[str, Any]:
        """The record of an earlier step, after its files were found unchanged.

        Raises:
            DataSourceError: the step has not run; names the task to run.
            ArtifactIntegrityError: a file is missing or was changed.
        """
        try:
            record: dict[str, Any] = json.loads(self.file(f"{step}.json").read_bytes())
            expected = {name: file["sha256"] for name, file in record["files"].items()}
        except FileNotFoundError as error:
            raise DataSourceError(
                f"{self.path} has no result of {task}; run {task} first (clear it in Airflow)"
            ) from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ArtifactIntegrityError(
                f"the result of {task} in {self.path} cannot be read; run {task} again"
            ) from error
        for name, sha256 in expected.items():
            path = self.file(name)
            if not path.is_file() or sha256_file(path) != sha256:
                raise ArtifactIntegrityError(
                    f"{path} is not what {task} wrote; run {task} again (clear it in Airflow)"
                )
        return record
