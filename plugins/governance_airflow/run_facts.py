"""What a task takes over from its DAG run: the evidence time, a name for it, and who asked.

All three follow from the stored run alone, so a cleared and repeated task gets the same answers.
Pure: no Airflow import, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Protocol, Self

from governance.errors import InvalidInputError
from governance.values import as_utc, iso, parse_time

CONF_KEYS = ("at",)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")  # what may be an idempotency key as it stands
# Assets of this kind tell of severe drift; `extra["at"]` of an event is when it was seen.
SEVERE_DRIFT = "governance://drift/severe/"


class Run(Protocol):
    """The part of Airflow's DAG run that is read here."""

    dag_id: str
    run_id: str
    run_after: datetime
    data_interval_end: datetime | None
    conf: dict[str, Any] | None
    triggering_user_name: str | None
    run_type: Any

    @property
    def consumed_asset_events(self) -> Sequence[Any]: ...


@dataclass(frozen=True, slots=True)
class RunFacts:
    """
    Attributes:
        key: names the run, the same for every try; `governance` makes a folder name of it.
        at: only what was known before this moment may be used.
        by: who is recorded as the author.
    """

    key: str
    at: datetime
    by: str

    @classmethod
    def of(cls, run: Run, *, owner: str) -> Self:
        return cls(
            key=f"{run.dag_id}/{run.run_id}", at=evidence_time(run), by=author(run, owner=owner)
        )


def evidence_time(run: Run) -> datetime:
    """`conf["at"]` if given, else when the drift was seen that started the run, else the end of the
    data interval, else the time the run was due.

    A run that is triggered by hand or by an asset has no data interval.
    """
    if (given := given_time(run)) is not None:
        return given
    if (seen := drift_time(run)) is not None:
        return seen
    return as_utc(run.data_interval_end or run.run_after)


def given_time(run: Run) -> datetime | None:
    """`conf["at"]`; None where the call shall count as of when it is made."""
    given = (run.conf or {}).get("at")
    return None if given is None else parse_time(given, what='conf["at"]')


def drift_time(run: Run) -> datetime | None:
    """The latest moment at which severe drift was seen, of the events that started this run."""
    events = [
        event.extra["at"]
        for event in run.consumed_asset_events
        if event.asset.uri.startswith(SEVERE_DRIFT) and event.extra.get("at") is not None
    ]
    return max((parse_time(at, what="the drift event's at") for at in events), default=None)


def scan_time(run: Run) -> datetime:
    """The end of the last whole hour at the evidence time: what a drift scan looks back from.

    Raises:
        InvalidInputError: `conf["at"]` is given and is no whole hour.
    """
    at = evidence_time(run)
    hour = at.replace(minute=0, second=0, microsecond=0)
    if (run.conf or {}).get("at") is not None and at != hour:
        raise InvalidInputError(
            f'conf["at"]={iso(at)} is no whole hour, and a scan looks back from one; give '
            f"{iso(hour)} or {iso(hour + timedelta(hours=1))}"
        )
    return hour


def check_conf(run: Run, *, keys: Sequence[str] = CONF_KEYS) -> None:
    """Refuse a conf that asks for what a governed run does not do.

    A misspelt `at` would train as of now, unnoticed; an `at` after the run was due would let in
    what nobody could know then. The same holds for the `at` of an asset's event. A user or a right
    that somebody writes into a conf is such a key, too.

    Args:
        keys: those that this DAG's form has.

    Raises:
        InvalidInputError: another key, or an `at` that is later than the run's due time.
    """
    if unknown := sorted(set(run.conf or {}) - set(keys)):
        raise InvalidInputError(
            f"the conf of this run has {', '.join(map(repr, unknown))[:200]}, "
            f"which this DAG does not know; what it takes is {', '.join(keys)}"
        )
    due = as_utc(run.run_after)
    if (at := evidence_time(run)) > due:
        raise InvalidInputError(
            f"the evidence time {iso(at)} (at) is later than {iso(due)}, when this run was due; "
            "give an earlier time, or none"
        )


def task_key(run: Run, task_id: str, map_index: int = -1) -> str:
    """What a task's calls are keyed by: the same for every try, and for a task that was cleared.

    A run id may be any text of Airflow's; one that is no key by itself counts by its digest.
    """
    key = "/".join((run.dag_id, run.run_id, task_id, str(map_index)))
    if _KEY.fullmatch(key):
        return key
    return f"airflow/{sha256(key.encode()).hexdigest()}"


def key_of(context: Mapping[str, Any]) -> str:
    """`task_key` of the task that runs."""
    ti = context["ti"]
    return task_key(context["dag_run"], ti.task_id, ti.map_index)


def triggered_by(run: Run) -> str | None:
    """The person who triggered the run, as Airflow authenticated them; None for any other run.

    `conf` is not asked: whoever triggers a run could write any name into it.
    """
    manual = str(getattr(run.run_type, "value", run.run_type)) == "manual"
    return run.triggering_user_name if manual else None


def author(run: Run, *, owner: str) -> str:
    """The person who triggered a manual run; else the owner, who answers for scheduled ones."""
    return triggered_by(run) or owner
