"""Hours of live data as profiles: read from the source, or as they were recorded.

A bad hour is an hour with a status and a reason; only a source that cannot be reached raises.
Neighbours: ``sources`` (rows), ``profiling`` (counts), ``profile_store`` (rows of the database),
``day_blocks`` (sums of hours).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from governance.evidence.drift.profiles.block import ProfileBlock
from governance.evidence.drift.profiles.layout import Layout
from governance.evidence.drift.profiles.packed import seal
from governance.evidence.drift.profiles.profiling import profile_table
from governance.evidence.drift.records.profile_store import StoredProfile
from governance.evidence.drift.sources.live import LiveSource, LiveStatus

HOUR = timedelta(hours=1)
# Reading and sorting both leave Python's lock; more threads than two only cost memory.
_THREADS = 2

# An hour so recorded may yet become a good one.
UNSETTLED = frozenset({LiveStatus.MISSING, LiveStatus.CORRUPT, LiveStatus.INVALID})
BROKEN = frozenset({LiveStatus.CORRUPT, LiveStatus.INVALID})

_OUTSIDE = "outside"  # in an hour's `hours`

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, eq=False)
class HourProfile:
    """An hour as it is recorded, and its counts where it has any."""

    stored: StoredProfile
    block: ProfileBlock | None


def read_hour(source: LiveSource, layout: Layout, hour: datetime) -> HourProfile:
    """Ask the source for one hour and count it.

    Raises:
        LiveDataError: the source cannot be reached.
    """
    found = source.read(hour, hour + HOUR, layout.features)
    if found.table is None:
        digest = nothing_digest(found.status.value)
        return HourProfile(
            StoredProfile(
                period="hour",
                start=hour,
                status=found.status.value,
                problem=found.problem,
                rows=0,
                fingerprint=found.fingerprint,
                hours=_outside(found.outside),
                digest=digest,
            ),
            None,
        )
    block = profile_table(layout, found.table)
    content = block.content
    return HourProfile(
        StoredProfile(
            period="hour",
            start=hour,
            status=found.status.value,
            problem=found.problem,
            rows=block.rows,
            fingerprint=found.fingerprint,
            hours=_outside(found.outside),
            digest=hashlib.sha256(content).hexdigest(),
            data=seal(content),
        ),
        block,
    )


def _outside(rows: int) -> dict[str, int] | None:
    return {_OUTSIDE: rows} if rows else None


def outside_of(stored: StoredProfile) -> int:
    """Rows that came with this hour and were dropped, since their time is not in it or missing."""
    return int((stored.hours or {}).get(_OUTSIDE, 0))


def recorded_hour(stored: StoredProfile, layout: Layout) -> HourProfile:
    """An hour as it was recorded, with its counts unpacked."""
    block = None if stored.data is None else ProfileBlock.decode(stored.data, layout)
    return HourProfile(stored, block)


def read_hours(
    source: LiveSource,
    layout: Layout,
    hours: Iterable[datetime],
    *,
    progress: Progress | None = None,
) -> Iterator[HourProfile]:
    """Hours from the source in the order given; more than two are read by two threads.

    Args:
        progress: called with 1 after each hour.
    """
    wanted = list(hours)
    if len(wanted) <= _THREADS:
        for hour in wanted:
            yield read_hour(source, layout, hour)
            if progress is not None:
                progress(1)
        return
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="profile") as pool:
        for found in pool.map(lambda hour: read_hour(source, layout, hour), wanted):
            yield found
            if progress is not None:
                progress(1)


def to_read(
    hours: Sequence[datetime],
    recorded: Mapping[datetime, StoredProfile],
    fingerprints: Mapping[datetime, str],
    *,
    newest: datetime,
) -> list[datetime]:
    """Which of these hours the source must be asked for: the newest, those never recorded, those
    that were not good, and those that changed since.
    """
    return [
        hour
        for hour in hours
        if hour == newest
        or hour not in recorded
        or _may_have_changed(recorded[hour], fingerprints.get(hour))
    ]


def _may_have_changed(recorded: StoredProfile, fingerprint: str | None) -> bool:
    if recorded.status in UNSETTLED or recorded.fingerprint != fingerprint:
        return True
    # Without a fingerprint nobody can say whether rows have come since.
    return recorded.status == LiveStatus.EMPTY and fingerprint is None


def nothing_digest(status: str) -> str:
    """What stands for the content of a period without any."""
    return hashlib.sha256(f"nothing\n{status}\n".encode()).hexdigest()
