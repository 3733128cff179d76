"""Brings link, manifests and status keys of models to what the database says; names what it mended.

The caller (``RegistryFiles``) holds the lock of the files and gives one snapshot. A file that is
newer than the snapshot stays; one of another database is refused, unless the home is adopted. A
model whose files cannot be written does not keep the others from being written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, select

from governance.effects.active_models import status
from governance.effects.active_models.manifests import render
from governance.effects.active_models.place import (
    FOLDER,
    ActivePlace,
    leftovers,
    mark_of,
    models_there,
)
from governance.effects.active_models.state import ActiveState, read_state
from governance.errors import ConflictError, StorageFullError, StorageUnavailableError
from governance.files import fsync_dir, storage_errors
from governance.registry.home_owner import Mark, has_entry
from governance.store.database import Database
from governance.store.schema import governed_models

STATUS = "ops_status:"  # before the name of a model, in what was mended
_AT_ONCE = 50  # models whose status keys are written in one transaction


def all_models(connection: Connection) -> list[str]:
    return list(connection.scalars(select(governed_models.c.name)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveFiles:
    """
    Attributes:
        dry_run: only say what would be mended. thorough: whatever stands there is replaced.
        adopt: replace what another database, or a later state of this one, has left.
        rows: of the versions that were looked at meanwhile, by id, as the snapshot has them.
    """

    database: Database
    home: Path
    dry_run: bool = False
    thorough: bool = False
    adopt: bool = False
    rows: dict[str, Row[Any]] = field(default_factory=dict)

    def mend(self, connection: Connection, models: Iterable[str]) -> Iterator[str]:
        """Bring the files and status keys of these models up to date; names each as it is done.

        Raises:
            ConflictError: files of another database are there.
            StorageFullError, StorageUnavailableError: some could not be written; the others were.
        """
        problems: list[StorageFullError | StorageUnavailableError] = []
        stale: list[ActiveState] = []
        for model in models:
            state = read_state(connection, model)
            if state is None:
                continue
            self.rows.update(state.rows)
            try:
                yield from self._files(connection, state)
            except (StorageFullError, StorageUnavailableError) as error:
                problems.append(error)
            # Something did change, else nobody had asked; only who looks at everything looks first.
            if not self.thorough or status.read_keys(connection, model) != status.keys_of(state):
                stale.append(state)
        yield from self._status(stale)
        if problems:
            raise problems[0]

    def clean(self, connection: Connection) -> Iterator[str]:
        """Remove what killed writers left, and, adopting, what only the other database knew.

        Raises:
            ConflictError: files of another database are there.
        """
        for path in leftovers(self.home):
            yield self._removed(path)
        known = set(connection.scalars(select(governed_models.c.name)))
        for model in models_there(self.home):
            if model in known:
                continue
            place = ActivePlace(self.home, model)
            there = place.read()
            for content in there.values():
                self._check_owner(connection, content)
            if self.adopt:
                if place.target() is not None:
                    yield self._removed(place.link)
                for name in there:
                    yield self._removed(place.folder / name)
                if not self.dry_run:
                    with suppress(OSError):  # somebody else's file is in it
                        place.folder.rmdir()

    def _files(self, connection: Connection, state: ActiveState) -> Iterator[str]:
        place = ActivePlace(self.home, state.model)
        there = place.read()
        wanted = {
            name: content for name, content in render(state).items() if there.get(name) != content
        }
        marks = {_key(mark_of(there[name])) for name in wanted if name in there}
        if any(self._is_newer(connection, dict(mark)) for mark in marks if mark):
            return
        artifact = None if state.active is None else state.active.artifact_path
        pointed = False
        if not self.dry_run:
            try:
                place.write(wanted)
            finally:  # a link takes no room, so it follows on a full disk, too
                pointed = place.point(artifact)
        yield from (self._name(place.folder / name) for name in wanted)
        if self.dry_run:
            there_is = bool(artifact) and (self.home / str(artifact)).is_dir()
            if place.target() != (place.wanted(str(artifact)) if there_is else None):
                yield self._name(place.link)
        elif pointed:
            yield self._name(place.link)

    def _is_newer(self, connection: Connection, mark: Mark) -> bool:
        """Does it follow from a later state of this database than our snapshot?"""
        if self.adopt or has_entry(connection, mark):
            return False
        with self.database.read() as later:
            if has_entry(later, mark):
                return True
        raise _not_ours(self.home)

    def _check_owner(self, connection: Connection, content: bytes) -> None:
        mark = mark_of(content)
        if not self.adopt and mark is not None and not has_entry(connection, mark):
            raise _not_ours(self.home)

    def _status(self, states: list[ActiveState]) -> Iterator[str]:
        for first in range(0, len(states), _AT_ONCE):
            some = sorted(states[first : first + _AT_ONCE], key=lambda state: state.model)
            if not self.dry_run:
                with self.database.begin() as tx:
                    for state in some:
                        if self.thorough:
                            status.restore_keys(tx, state.model)
                        else:
                            status.write_keys(tx, state)
            yield from (f"{STATUS}{state.model}" for state in some)

    def _removed(self, path: Path) -> str:
        if not self.dry_run:
            with storage_errors(f"remove {path}"):
                path.unlink(missing_ok=True)
                fsync_dir(path.parent)
        return self._name(path)

    def _name(self, path: Path) -> str:
        return path.relative_to(self.home).as_posix()


def _key(mark: Mark | None) -> tuple[tuple[str, Any], ...]:
    return () if mark is None else tuple(mark.items())


def _not_ours(home: Path) -> ConflictError:
    return ConflictError(
        f"the files in {home / FOLDER} belong to another database, or to a later state of this one "
        "(a restored backup); nothing more was changed. Check GOVERNANCE_HOME and "
        "GOVERNANCE_DATABASE_URL (--home, --database); if both are right, "
        "`governance reconcile --adopt` gives the home to this database"
    )
