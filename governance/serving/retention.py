"""Old hours of the prediction log are removed; what the drift scan still needs is not.

A look at a model reads hours back to where its rolling reference may begin. So of a model that
declares drift, hours stay that a look after its newest report may ask for, however old they are;
all of them, as long as it was never looked at. Of others, and of challengers, only age counts.

Only what the log itself wrote is removed: ``part-*.parquet`` in ``date=.../hour=...``, then folders
that are empty. Neighbours: ``prediction_log`` (writes), ``governance.evidence.drift.scanning``
(reads; says since when hours are needed). Not promised: that nobody else wants the rows.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from governance.errors import GovernanceError, InvalidInputError
from governance.evidence.drift.records import report_store
from governance.evidence.drift.scanning.seen import effective_lookback, needed_since
from governance.files import storage_errors
from governance.serving.logged_rows import CHALLENGERS, CHAMPIONS
from governance.wiring import Governance

log = logging.getLogger(__name__)

_DATE, _HOUR = re.compile(r"date=(\d{4}-\d\d-\d\d)"), re.compile(r"hour=(\d\d)")
_EVERY_SECONDS = 3600.0
_REFERENCE_DAYS = 30  # of a look that nobody told otherwise


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed, or would be. ``kept_hours``: old enough, and needed by the drift scan."""

    hours: int = 0
    files: int = 0
    bytes: int = 0
    kept_hours: int = 0


def prune(
    gov: Governance, *, days: int, now: datetime | None = None, dry_run: bool = False
) -> Removed:
    """Remove hours that ended more than ``days`` days ago and are not needed.

    Args:
        now: the time of now by default.
        dry_run: remove nothing, say what would be.

    Raises:
        InvalidInputError: fewer than one day.
        GovernanceError: a database, policy or configuration that cannot be read: then nothing is
            known to be old enough, and nothing is removed.
    """
    if days < 1:
        raise InvalidInputError("predictions are kept for at least one day; give --days 1 or more")
    before = (now or datetime.now(UTC)) - timedelta(days=days)
    folder = gov.settings.home / "predictions"
    hours = files = size = kept = 0
    for place in _folders(folder / CHAMPIONS):
        needed = _needed_since(gov, place.name)
        for hour, ends in _hours(place):
            if ends > before:
                continue
            if needed is not None and ends > needed:
                kept += 1
                continue
            found, freed = _remove(hour, dry_run=dry_run)
            hours, files, size = hours + 1, files + found, size + freed
    for model in _folders(folder / CHALLENGERS):
        for place in _folders(model):
            for hour, ends in _hours(place):
                if ends <= before:
                    found, freed = _remove(hour, dry_run=dry_run)
                    hours, files, size = hours + 1, files + found, size + freed
    return Removed(hours, files, size, kept)


class Retention:
    """Prunes at the start and every hour, in a thread, where ``prediction_log_days`` is set."""

    def __init__(self, gov: Governance) -> None:
        self._gov = gov
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._gov.settings.prediction_log_days and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="retention", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                done = prune(self._gov, days=self._gov.settings.prediction_log_days)
                if done.hours:
                    log.info("%d old hours of predictions removed", done.hours)
            except GovernanceError as error:
                log.warning("old predictions are not removed: %s", error.message)
            except Exception:  # a file system's own: looked at again in an hour
                log.exception("old predictions are not removed")
            if self._stop.wait(_EVERY_SECONDS):
                return


def _needed_since(gov: Governance, model: str) -> datetime | None:
    """Since when the drift scan needs hours; ``None`` where there is no scan."""
    declared = gov.config.models.get(model)
    if declared is None or declared.drift is None:
        return None
    with gov.database.read() as connection:
        newest = report_store.newest(connection, model)
    if newest is None:
        return datetime.min.replace(tzinfo=UTC)
    limits = gov.policy().drift(model)
    return needed_since(newest, effective_lookback(limits, _REFERENCE_DAYS))


def _folders(folder: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError):
        yield from (one for one in sorted(folder.iterdir()) if _is_folder(one))


def _hours(place: Path) -> Iterator[tuple[Path, datetime]]:
    """The hours below a place, each with its end."""
    for day in _folders(place):
        date = _DATE.fullmatch(day.name)
        for hour in _folders(day) if date else ():
            number = _HOUR.fullmatch(hour.name)
            if date and number:
                with suppress(ValueError):
                    begin = datetime.fromisoformat(f"{date[1]}T{number[1]}:00:00+00:00")
                    yield hour, begin + timedelta(hours=1)


def _remove(hour: Path, *, dry_run: bool) -> tuple[int, int]:
    files = [one for one in hour.glob("part-*.parquet") if not one.is_symlink()]
    size = sum(one.stat().st_size for one in files)
    if not dry_run:
        with storage_errors(f"remove old predictions in {hour}"):
            for one in files:
                one.unlink(missing_ok=True)
            with suppress(OSError):  # somebody else's file is there, or the next hour of the day
                hour.rmdir()
                hour.parent.rmdir()
    return len(files), size


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
