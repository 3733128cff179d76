"""Where a model's active files lie, and how each of them is replaced in one step.

::

    <home>/active/momentum_active -> ../models/momentum/2013-02-01/0123456789ab
    <home>/active/momentum/manifest_active.json, manifest_active_prev.json,
                           manifest_latest.json, model_registry.json

A model whose own name ends in ``_active`` would take the place of another one's link, so its folder
is ``<name>.d``; no name of a model has a dot. Writers hold the lock of ``RegistryFiles``.

Not promised: that link and manifests change at the same moment. Each is the old or the new at any
time, and ``generation`` tells which.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from governance.effects.active_models.manifests import FILE_NAMES
from governance.errors import GovernanceError, InvalidNameError, StorageUnavailableError
from governance.files import (
    fsync_dir,
    make_folders,
    open_regular,
    replace_link,
    replace_together,
    storage_errors,
)
from governance.registry.home_owner import Mark
from governance.values import check_model_name

FOLDER = "active"
_SUFFIX = "_active"
_MOST_READ = 16 * 1024 * 1024
_TEMPORARY = re.compile(r"\.[a-z0-9_.-]+\.[0-9a-f]{16}\.tmp")


@dataclass(frozen=True)
class ActivePlace:
    """The files of one model below ``home``."""

    home: Path
    model: str

    def __post_init__(self) -> None:
        check_model_name(self.model)

    @cached_property
    def link(self) -> Path:
        return self.home / FOLDER / f"{self.model}{_SUFFIX}"

    @cached_property
    def folder(self) -> Path:
        name = f"{self.model}.d" if self.model.endswith(_SUFFIX) else self.model
        return self.home / FOLDER / name

    def read(self) -> dict[str, bytes]:
        """What stands there, by name."""
        found = {}
        for name in FILE_NAMES:
            with suppress(OSError, GovernanceError), open_regular(self.folder / name) as file:
                found[name] = file.read(_MOST_READ)
        return found

    def write(self, contents: Mapping[str, bytes]) -> None:
        """Replace these files, each in one step."""
        if not contents:
            return
        self._refuse_links()
        with storage_errors(f"make the folder {self.folder}"):
            make_folders(self.folder)
        wanted = {self.folder / name: data for name, data in contents.items()}
        in_the_way = [path for path in wanted if path.is_dir() and not path.is_symlink()]
        replace_together({path: wanted[path] for path in wanted if path not in in_the_way})
        if in_the_way:
            raise StorageUnavailableError(
                f"{in_the_way[0]} is a folder, where a manifest belongs; move it away, "
                "`governance reconcile` writes the manifest"
            )

    def _refuse_links(self) -> None:
        """Nothing is written through a link to somewhere else."""
        for folder in (self.home / FOLDER, self.folder):
            if folder.is_symlink():
                raise StorageUnavailableError(
                    f"{folder} is a link; remove it, `governance reconcile` makes the folder"
                )

    def target(self) -> str | None:
        """Where the link points, as it is written; ``None`` without a link."""
        try:
            return os.readlink(self.link)
        except OSError:
            return None

    def wanted(self, artifact_path: str) -> str:
        """What the link says for this artifact, relative so that the home may be moved.

        >>> ActivePlace(Path("home"), "m").wanted("models/m/2013-02-01/0123456789ab")
        '../models/m/2013-02-01/0123456789ab'
        """
        return f"../{artifact_path}"

    def point(self, artifact_path: str | None) -> bool:
        """Bring the link to this artifact, or remove it; was there anything to do?

        A link to nothing helps nobody: where the artifact's folder is gone, so is the link.
        """
        wanted = None
        if artifact_path and (self.home / artifact_path).is_dir():
            wanted = self.wanted(artifact_path)
        if self.target() == wanted:
            return False
        self._refuse_links()
        if self.link.is_dir() and not self.link.is_symlink():
            raise StorageUnavailableError(
                f"{self.link} is a folder, where the link to the version in production belongs; "
                "move it away, `governance reconcile` makes the link"
            )
        if wanted is not None:
            with storage_errors(f"make the folder {self.link.parent}"):
                make_folders(self.link.parent)
            replace_link(self.link, wanted)
        else:
            with storage_errors(f"remove the link {self.link}"):
                self.link.unlink(missing_ok=True)
                fsync_dir(self.link.parent)
        return True


def mark_of(content: bytes) -> Mark | None:
    """The entry of the audit log that a manifest follows from; ``None``: nobody can say.

    >>> mark_of(b'{"audit": {"seq": 7, "hash": "ab"}}'), mark_of(b"{")
    ({'seq': 7, 'hash': 'ab'}, None)
    """
    with suppress(ValueError, KeyError, TypeError, RecursionError):
        found = json.loads(content)["audit"]
        if type(found["seq"]) is int and isinstance(found["hash"], str):
            return {"seq": found["seq"], "hash": found["hash"]}
    return None


def leftovers(home: Path) -> list[Path]:
    """Temporary names that killed writers left; nobody else writes here under the lock."""
    root = home / FOLDER
    folders = [root, *(path for path in _entries(root) if path.is_dir() and not path.is_symlink())]
    return [path for one in folders for path in _entries(one) if _TEMPORARY.fullmatch(path.name)]


def models_there(home: Path) -> list[str]:
    """Models that have files or a link here, also those that no database knows."""
    found = set()
    for path in _entries(home / FOLDER):
        name = path.name
        if path.is_symlink() and name.endswith(_SUFFIX):
            found.add(name.removesuffix(_SUFFIX))
        elif path.is_dir() and not path.is_symlink():
            found.add(name.removesuffix(".d"))
    return sorted(name for name in found if _is_model(name))


def _is_model(name: str) -> bool:
    with suppress(InvalidNameError):
        return bool(check_model_name(name))
    return False


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
