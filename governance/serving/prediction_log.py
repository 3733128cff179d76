"""The prediction log: what was asked and answered, as Parquet by hour, for the drift scan to read.

``<folder>/champions/<model>/date=2013-02-08/hour=18/part-<writer>-<n>.parquet``. Requests append to
memory and do not wait for a disk (large ones wait a little for room); a thread writes at the latest
after ``interval`` seconds, or when ``batch_rows`` have come. A file grows for a minute, replaced
whole each time (written beside it, synced, renamed), so that a reader meets all of a file and an
hour has few of them.

A crash loses at most what came since the last batch, and the next start says how many rows
(``row_counter``): in the program's log, the status and the audit log. Where the disk cannot take
rows, they wait in memory up to a bound; what comes beyond is dropped and counted. Neighbours:
``logged_rows`` (the columns), ``governance.evidence.drift.sources.parquet`` (reads them).
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from governance.errors import GovernanceError
from governance.files import make_folders, storage_errors, write_atomic
from governance.serving.logged_rows import Logged, Types, by_hour, by_kind, table_of, typed
from governance.serving.row_counter import RowCounter, dead_writers

log = logging.getLogger(__name__)

LAYOUT = "date=%Y-%m-%d/hour=%H"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FILE_SECONDS, _FILE_ROWS, _OPEN_FILES = 60.0, 50_000, 64
_IDLE_SECONDS, _LONGEST_WAIT = 2.0, 30.0

_Key = tuple[object, ...]


@dataclass(slots=True)
class _OpenFile:
    """A file that still grows, with its rows so far."""

    path: Path
    born: float
    tables: list[pa.Table] = field(default_factory=list)
    rows: int = 0


class PredictionLog:
    """
    Args:
        folder: made when the first row comes.
        interval: seconds after which rows are written.
        batch_rows: rows that are written without waiting.
        most_cells: what may wait in memory: 20 million are 160 MB.
        lost: told of a dead writer's rows.

    ``append`` may be called from any thread. The writing thread lives while there is something to
    write.
    """

    def __init__(
        self,
        folder: Path,
        *,
        interval: float = 1.0,
        batch_rows: int = 10_000,
        most_cells: int = 20_000_000,
        lost: Callable[[int], None] | None = None,
    ) -> None:
        self.folder = folder
        self.lost_rows = 0
        self._told = lost
        self._interval, self._batch_rows, self._most_cells = interval, batch_rows, most_cells
        self._writer = secrets.token_hex(6)
        self._numbers = 0
        lock = threading.RLock()
        self._wake = threading.Condition(lock)
        self._room = threading.Condition(lock)
        self._writing = threading.Lock()
        self._pending: list[Logged] = []
        self._rows = self._cells = 0
        self._open: dict[_Key, _OpenFile] = {}
        self._types: Types = {}
        self._counter: RowCounter | None = None
        self._thread: threading.Thread | None = None
        self._closing = self._ended = False
        self._problem = ""
        self._uncounted = 0  # dropped while there was no disk to count on

    def recover(self) -> int:
        """Tell of what earlier writers lost; the number of rows. Called at the start."""
        lost = 0
        for writer, rows in dead_writers(self._writers):
            self._remove_leftovers(writer)
            if rows:
                log.warning("%d predicted rows of a serving process that died are lost", rows)
                lost += rows
        self.lost_rows += lost
        if lost and self._told is not None:
            self._told(lost)
        return lost

    def append(self, part: Logged, *, patience: float = 0.0) -> bool:
        """Take a request's rows; ``False``: there is no room, and they are dropped and counted.

        Args:
            patience: seconds to wait for room while the disk takes rows; for callers in a thread.
        """
        with self._wake:
            if self._ended:
                self._uncounted += part.number
                return False
            try:
                counter = self._counter or self._counted()
            except GovernanceError as error:  # no disk to count on: nothing would be written either
                self._problem = error.message
                self._uncounted += part.number
                return False
            counter.count(taken=part.number)
            if patience:
                self._room.wait_for(lambda: self._fits(part) or bool(self._problem), patience)
            if not self._fits(part) or self._closing:
                counter.count(dropped=part.number)
                return False
            self._pending.append(part)
            self._rows += part.number
            self._cells += part.cells
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="prediction-log", daemon=True
                )
                self._thread.start()
            elif self._rows >= self._batch_rows or len(self._pending) == 1:
                self._wake.notify()
        return True

    def _fits(self, part: Logged) -> bool:
        """A request that is larger than all that may wait is taken when nothing else waits."""
        return self._closing or not self._cells or self._cells + part.cells <= self._most_cells

    def flush(self) -> bool:
        """Write what waits, now; ``False`` if something could not be written and waits on."""
        with self._writing:
            with self._wake:
                parts, self._pending = self._pending, []
                self._rows = self._cells = 0
                self._room.notify_all()
            groups = by_kind(typed(parts, self._types))
            waiting = [part for kind, group in groups.items() for part in self._write(kind, group)]
            self._close_old_files()
            if waiting:
                with self._wake:
                    self._pending = waiting + self._pending
                    self._rows += sum(part.number for part in waiting)
                    self._cells += sum(part.cells for part in waiting)
            elif parts:
                self._problem = ""
        return not waiting

    def close(self) -> None:
        """Write the rest and end. What cannot be written now is told of at the next start."""
        with self._wake:
            self._closing = True
            self._wake.notify()
            thread = self._thread
        if thread is not None:
            thread.join()
        clean = self.flush()
        with self._writing, self._wake:
            self._ended = True
            if self._counter is not None:
                self._counter.close(clean=clean)
                self._counter = None

    def as_json(self) -> dict[str, Any]:
        """How it stands, for the status."""
        with self._wake:
            counter = self._counter
            return {
                "folder": str(self.folder),
                "written_rows": 0 if counter is None else counter.written,
                "waiting_rows": self._rows,
                "dropped_rows": self._uncounted + (0 if counter is None else counter.dropped),
                "lost_rows": self.lost_rows,
                "problem": self._problem or None,
            }

    # -- the writing thread -----------------------------------------------------------------------

    def _run(self) -> None:
        failures = 0
        while True:
            with self._wake:
                if not self._pending and not self._closing:
                    self._wake.wait(_IDLE_SECONDS)
                if not self._pending:
                    self._thread = None  # under the lock: the next row starts another
                    return
                wait = min(self._interval * 2**failures, max(_LONGEST_WAIT, self._interval))
                deadline = time.monotonic() + wait
                while not self._closing and (failures or self._rows < self._batch_rows):
                    left = deadline - time.monotonic()
                    if left <= 0 or not self._wake.wait(left):
                        break
                closing = self._closing
            failures = 0 if self.flush() else failures + 1
            if closing:
                with self._wake:
                    self._thread = None
                return

    def _write(self, kind: _Key, group: list[Logged]) -> Sequence[Logged]:
        """Write parts of one kind; gives back those that could not be written."""
        done = 0
        try:
            table = table_of(group)
            for hour, rows in by_hour(table, group[0].serving.log_time):
                self._add(kind, hour, group[0].place, rows)
                done += rows.num_rows
        except GovernanceError as error:
            self._problem = error.message
            log.warning("predictions wait to be written: %s", error.message)
            if not done:
                return group
            self._count(dropped=table.num_rows - done)  # an hour of several: the others are there
        except Exception as error:  # rows that no file can hold must not stop all that come after
            self._problem = f"{type(error).__name__}: {str(error)[:200]}"
            log.exception("predictions cannot be written, and are dropped")
            self._count(dropped=sum(part.number for part in group) - done)
        return ()

    def _add(self, kind: _Key, hour: int, place: str, rows: pa.Table) -> None:
        key = (hour, *kind)
        file = self._open.get(key)
        if file is None:
            moment = _EPOCH + timedelta(hours=hour)
            self._numbers += 1
            folder = self.folder / place / moment.strftime(LAYOUT)
            name = f"part-{self._writer}-{self._numbers:06d}.parquet"
            file = self._open[key] = _OpenFile(folder / name, time.monotonic())
        with storage_errors(f"write predictions in {file.path.parent}"):
            make_folders(file.path.parent)
        sink = pa.BufferOutputStream()
        whole = pa.concat_tables([*file.tables, rows])
        texts = [field.name for field in whole.schema if not pa.types.is_primitive(field.type)]
        # Numbers are rarely repeated: a dictionary of them costs three times the writing itself.
        pq.write_table(
            whole, sink, compression="zstd", use_dictionary=texts, write_page_checksum=True
        )
        write_atomic(file.path, sink.getvalue())
        file.tables.append(rows)
        file.rows += rows.num_rows
        self._count(written=rows.num_rows)

    def _close_old_files(self) -> None:
        now = time.monotonic()
        for key, file in list(self._open.items()):
            if file.rows >= _FILE_ROWS or now - file.born >= _FILE_SECONDS:
                del self._open[key]
        while len(self._open) > _OPEN_FILES:
            del self._open[next(iter(self._open))]

    # -- counting ---------------------------------------------------------------------------------

    @property
    def _writers(self) -> Path:
        return self.folder / "writers"

    def _counted(self) -> RowCounter:
        self._counter = RowCounter(self._writers, self._writer)
        return self._counter

    def _count(self, *, written: int = 0, dropped: int = 0) -> None:
        """Called with `_writing` held, as `close` is, so that the counter stays open meanwhile."""
        with self._wake:
            counter = self._counter
            if counter is not None:
                counter.count(written=written, dropped=dropped)
        if counter is not None:
            try:
                counter.sync()  # takes as long as the disk does: requests must not wait for it
            except GovernanceError as error:  # the rows are written: not to be written again
                self._problem = error.message

    def _remove_leftovers(self, writer: str) -> None:
        """Half-written files of a dead writer, of today and yesterday; nobody reads them."""
        today = datetime.now(UTC)
        for day in (today, today - timedelta(days=1)):
            pattern = f"c*/**/date={day:%Y-%m-%d}/hour=*/.part-{writer}-*.tmp"
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)
