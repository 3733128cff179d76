"""Where profiles are kept: one row for each version and hour (of the last two days) or local day.

Recording a period again replaces it: that is what makes late data and repeated tasks harmless. The
content is ``block``'s, packed; here it is bytes with a digest. Profiles can be made again from the
source, so nothing here is history. Not promised: that a row is still what the source would give
now (``hour_profiles`` and ``day_blocks`` ask the source).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal

from sqlalchemy import Connection, and_, bindparam, delete, or_, select
from sqlalchemy.dialects import postgresql

from governance.errors import IntegrityError
from governance.store.drift_tables import drift_profiles
from governance.store.upsert import dialect_insert
from governance.values import iso

Period = Literal["hour", "day"]

KEPT_HOURS = timedelta(hours=48)
KEPT_BEYOND_LOOKBACK = timedelta(days=35)

_SAID_OF_AN_HOUR = 3  # status, rows, begin of the digest

_profiles = drift_profiles.c


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredProfile:
    """One hour or local day of a version.

    Attributes:
        start: begin of the period, UTC.
        status: ``ok``, ``empty``, ``missing``, ``corrupt`` or ``invalid``, as the source said; of
            a day: the worst that makes it unfit as a reference.
        problem: what was wrong, one sentence, as text that every database can keep.
        fingerprint: of the source's partition when it was read.
        hours: of a day, by UTC hour (``2013-02-01T05``): status, rows, begin of the digest; of an
            hour: ``outside``, how many rows were dropped, where some were.
        digest: of the content; equal digests mean equal counts.
        data: the packed block; ``None`` where there is nothing to count, or where it was not asked
            for.
    """

    period: Period
    start: datetime
    status: str
    problem: str | None
    rows: int
    fingerprint: str | None
    hours: Mapping[str, Any] | None
    digest: str
    data: bytes | None = None

    def __post_init__(self) -> None:
        if self.problem is not None:
            object.__setattr__(self, "problem", storable(self.problem))


def storable(text: str) -> str:
    """``text`` with what PostgreSQL refuses written out: zero characters, and halves of others.

    >>> storable("column a" + chr(0) + chr(0xD800))
    'column a\\\\x00\\\\ud800'
    """
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def read_hours(
    connection: Connection,
    version_id: str,
    start: datetime,
    end: datetime,
    *,
    with_data: bool = True,
) -> dict[datetime, StoredProfile]:
    """The recorded hours of start <= hour < end; data only if asked for."""
    return _read(connection, version_id, "hour", start, end, with_data=with_data)


def read_days(
    connection: Connection,
    version_id: str,
    start: datetime,
    end: datetime,
    *,
    with_data: bool = False,
) -> dict[datetime, StoredProfile]:
    """The recorded days that begin in start <= day < end; data only if asked for."""
    return _read(connection, version_id, "day", start, end, with_data=with_data)


@dataclass(frozen=True, slots=True)
class DayHead:
    """What is asked of every day of the past at every scan."""

    status: str
    rows: int
    digest: str


def read_day_heads(
    connection: Connection, version_id: str, start: datetime, end: datetime
) -> dict[datetime, DayHead]:
    """The recorded days that begin in start <= day < end, without hours and data."""
    found = connection.execute(
        select(_profiles.start, _profiles.status, _profiles.rows, _profiles.digest).where(
            _profiles.version_id == version_id,
            _profiles.period == "day",
            _profiles.start >= start,
            _profiles.start < end,
        )
    )
    return {row[0]: DayHead(row[1], row[2], row[3]) for row in found}


def _read(
    connection: Connection,
    version_id: str,
    period: Period,
    start: datetime,
    end: datetime,
    *,
    with_data: bool,
) -> dict[datetime, StoredProfile]:
    columns = [
        _profiles.start,
        _profiles.status,
        _profiles.problem,
        _profiles.rows,
        _profiles.fingerprint,
        _profiles.hours,
        _profiles.digest,
    ]
    if with_data:
        columns.append(_profiles.data)
    found = connection.execute(
        select(*columns).where(
            _profiles.version_id == version_id,
            _profiles.period == period,
            _profiles.start >= start,
            _profiles.start < end,
        )
    )
    return {
        row[0]: StoredProfile(
            period=period,
            start=row[0],
            status=row[1],
            problem=row[2],
            rows=row[3],
            fingerprint=row[4],
            hours=_checked(row[5], version_id, period, row[0]),
            digest=row[6],
            data=bytes(row[7]) if with_data and row[7] is not None else None,
        )
        for row in found
    }


def _checked(
    hours: Any, version_id: str, period: Period, start: datetime
) -> Mapping[str, Any] | None:
    if hours is None:
        return None
    told = hours.values() if isinstance(hours, Mapping) else [None]
    if period == "day":
        sound = all(isinstance(said, list) and len(said) == _SAID_OF_AN_HOUR for said in told)
    else:
        sound = all(isinstance(said, int) for said in told)
    if not sound:
        raise IntegrityError(
            f"the profile of the {period} {iso(start)} of version {version_id} is damaged; "
            "profile it again from its source, or restore drift_profiles from a backup"
        )
    kept: Mapping[str, Any] = hours
    return kept


def put(tx: Connection, version_id: str, profiles: Sequence[StoredProfile]) -> None:
    """Record periods, each in place of what was recorded of it before."""
    if not profiles:
        return
    tx.execute(
        _upsert(tx.dialect.name, tx),
        [
            {
                "version_id": version_id,
                "period": profile.period,
                "start": profile.start,
                "status": profile.status,
                "problem": profile.problem,
                "rows": profile.rows,
                "fingerprint": profile.fingerprint,
                "hours": None if profile.hours is None else dict(profile.hours),
                "digest": profile.digest,
                "data": profile.data,
            }
            for profile in profiles
        ],
    )


_VALUES = ("status", "problem", "rows", "fingerprint", "hours", "digest", "data")
_upserts: dict[str, postgresql.Insert] = {}


def _upsert(dialect: str, tx: Connection) -> postgresql.Insert:
    if dialect not in _upserts:
        insert = dialect_insert(tx, drift_profiles)
        _upserts[dialect] = insert.on_conflict_do_update(
            index_elements=["version_id", "period", "start"],
            set_={name: insert.excluded[name] for name in _VALUES},
        )
    return _upserts[dialect]


@cache
def _old() -> Any:
    return delete(drift_profiles).where(
        _profiles.version_id == bindparam("version"),
        or_(
            and_(_profiles.period == "hour", _profiles.start < bindparam("hours_before")),
            and_(_profiles.period == "day", _profiles.start < bindparam("days_before")),
        ),
    )


def forget(
    tx: Connection, version_id: str, *, hours_before: datetime, days_before: datetime
) -> None:
    """Drop hours and days that begin before these moments."""
    tx.execute(
        _old(),
        {"version": version_id, "hours_before": hours_before, "days_before": days_before},
    )


def hour_key(hour: datetime) -> str:
    """How an hour is named in a day's ``hours``.

    >>> from datetime import UTC
    >>> hour_key(datetime(2013, 2, 1, 5, tzinfo=UTC))
    '2013-02-01T05'
    """
    return hour.strftime("%Y-%m-%dT%H")
