"""``gov.files``: every file that follows from history, brought up to date with the database.

These are the documents beside each artifact, `models/registry_index.json` (``registry_index``), and
the active files of each model (``active_models``). The index holds its place in the audit log.
``catch_up`` reads the entries after it, renders what they concern and moves the place last, so that
a killed process repeats work and loses none. ``reconcile`` renders everything. Newer files are
never overwritten by older ones, nor those of another database (``registry.home_owner``).

Not promised: that the files are current at any instant (the database is), or that a lost artifact
comes back (only its documents are rendered).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Row, bindparam, or_, select
from sqlalchemy.engine import Connection

from governance.effects.active_models.files import STATUS, ActiveFiles, all_models
from governance.effects.active_models.state import is_change
from governance.effects.registry_index import advance_index, index_differs, write_index
from governance.errors import ConflictError, StorageFullError, UnavailableError
from governance.files import file_lock, replace_together
from governance.registry import documents, home_owner, records
from governance.registry.home_owner import INDEX
from governance.store.database import Database
from governance.store.schema import audit_log, model_registry

log = logging.getLogger(__name__)

# Built once: to build these costs more than to ask them.
_SINCE = select(
    audit_log.c.model_name, audit_log.c.version_id, audit_log.c.action, audit_log.c.details
).where(
    audit_log.c.seq > bindparam("place"),
    or_(audit_log.c.version_id != "", audit_log.c.model_name != ""),
)
_TOGETHER = 10  # versions whose documents are written together


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """
    Attributes:
        mended: what differed from the database, relative to the home; ``ops_status:NAME`` for the
            status keys of a model.
        written: files that were written, removed or pointed elsewhere; the index always is.
    """

    mended: tuple[str, ...]
    written: int


class RegistryFiles:
    """The one writer of these files; several processes take turns under a lock."""

    def __init__(self, database: Database, home: Path) -> None:
        self._database = database
        self._home = home
        self._lock = home / home_owner.FILES_LOCK

    def catch_up(self) -> int:
        """Render what changed since the last time; gives the number of files written.

        What was decided is recorded and stays so: a full disk, a home that cannot be written or
        that belongs to another database is logged, and the files are mended later, by the next
        call or by `governance reconcile`.
        """
        try:
            with file_lock(self._lock, exclusive=True), self._database.read() as connection:
                mark = home_owner.index_mark(self._home)
                head = home_owner.newest_mark(connection)
                if mark == head or (mark is None and not head["seq"]):
                    return 0
                home_owner.require_ours(connection, self._home, index=mark)
                return sum(1 for _ in self._advance(connection, mark, head))
        except ConflictError as error:
            log.warning("files were not written: %s", error)
        except (StorageFullError, UnavailableError) as error:
            log.warning(
                "files were not written (%s); the database is right, and `governance reconcile` "
                "writes them once this is mended",
                error,
            )
        return 0

    def rebuild(self, *, adopt: bool = False) -> int:
        """As ``reconcile``; the number of files written."""
        return self.reconcile(adopt=adopt).written

    def reconcile(self, *, adopt: bool = False, dry_run: bool = False) -> Reconciled:
        """Render everything again; says what differed from the database.

        Args:
            adopt: take over a home whose files are of another database or of a later state of this
                one. What only they know becomes an orphan, which `registry gc` removes; its active
                files are removed.
            dry_run: only say what differs.

        Raises:
            ConflictError: such a home without `adopt`, or a database without versions to adopt it.
            StorageFullError, StorageUnavailableError: not everything could be written.
        """
        with file_lock(self._lock, exclusive=True), self._database.read() as connection:
            head = home_owner.newest_mark(connection)
            if not adopt:
                home_owner.require_ours(connection, self._home)
            elif not records.artifact_paths(connection):
                raise ConflictError(
                    "this database has no version with an artifact, so it adopts no home; check "
                    "GOVERNANCE_DATABASE_URL (--database)"
                )
            active = ActiveFiles(
                database=self._database,
                home=self._home,
                adopt=adopt,
                dry_run=dry_run,
                thorough=True,
            )
            mended = list(active.clean(connection))
            mended += active.mend(connection, all_models(connection))
            everything = ((row, False) for row in self._all(connection))
            mended += self._documents(everything, dry_run=dry_run)
            if index_differs(connection, self._home, head):
                mended.append(INDEX.as_posix())
            written = sum(not one.startswith(STATUS) for one in mended)
            if not dry_run:
                write_index(connection, self._home, head)
                written += INDEX.as_posix() not in mended
                if adopt:
                    home_owner.write_mark(self._home, head)
            return Reconciled(mended=tuple(mended), written=0 if dry_run else written)

    def _advance(
        self, connection: Connection, mark: home_owner.Mark | None, head: home_owner.Mark
    ) -> Iterator[str]:
        """What each entry since the mark concerns; the mark moves last."""
        since = 0 if mark is None else mark["seq"]
        active = ActiveFiles(database=self._database, home=self._home)
        entries: Sequence[Any] = connection.execute(_SINCE, {"place": since}).all() if since else ()
        models = _models_of(entries) if since else all_models(connection)
        for name in active.mend(connection, models):
            if not name.startswith(STATUS):
                yield name
        if since:
            changed = _versions_of(entries)
            rows = {one: active.rows[one] for one in changed if one in active.rows}
            unseen = [one for one in changed if one not in rows]
            rows |= {row.id: row for row in records.rows_of(connection, unseen)}
            yield from self._documents((row, changed[one]) for one, row in rows.items())
            advance_index(connection, self._home, head, {one: rows.get(one) for one in changed})
        else:
            yield from self._documents((row, False) for row in self._all(connection))
            write_index(connection, self._home, head)
        yield INDEX.as_posix()

    def _all(self, connection: Connection) -> Iterator[Row[Any]]:
        return records.rows_of(connection, list(connection.scalars(select(model_registry.c.id))))

    def _documents(
        self, rows: Iterable[tuple[Row[Any], bool]], *, dry_run: bool = False
    ) -> Iterator[str]:
        """Of versions, each with whether nothing but its stage has changed."""
        left = iter(rows)
        while few := list(islice(left, _TOGETHER)):
            wanted = {
                path: content for row, moved in few for path, content in self._differing(row, moved)
            }
            if wanted and not dry_run:
                replace_together(wanted)
            yield from (path.relative_to(self._home).as_posix() for path in wanted)

    def _differing(self, row: Row[Any], moved: bool) -> Iterator[tuple[Path, bytes]]:
        folder = self._home / row.artifact_path
        if not row.artifact_path or not folder.is_dir():
            return
        rendered = documents.render(records.to_version(row), row.feature_spec, moved=moved)
        for name, content in rendered.items():
            if _read(folder / name) != content:
                yield folder / name, content


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _models_of(entries: Sequence[Any]) -> list[str]:
    """Models whose active files may read differently after these entries."""
    return sorted({row.model_name for row in entries if row.model_name and is_change(row.action)})


def _versions_of(entries: Sequence[Any]) -> dict[str, bool]:
    """Ids that these entries name, and of each whether only its stage changed; a draft that got its
    bytes has a new id.
    """
    found: dict[str, bool] = {}
    for row in entries:
        if not row.version_id:
            continue
        moved = row.action == "stage.changed" or row.action.endswith(".decided")
        found[row.version_id] = moved and found.get(row.version_id, True)
        if row.action == "version.registered" and (old := json.loads(row.details).get("draft_id")):
            found[old] = False
    return found
