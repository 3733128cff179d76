"""The few calls of Airflow's REST API that the demo makes.

Its command line could do the same, at 8 s a call. Not promised: a client for anything else.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import httpx

from local.airflow_services import Login
from local.processes import ServicesError

FINISHED = ("success", "failed")
LOCKED_ATTEMPTS = 20
LOCKED_PAUSE = 0.5  # seconds
GROUP_MARKS = ("::group::", "::endgroup::")  # how the log view folds lines; nothing to read


class LockedError(ServicesError):
    """SQLite let another writer go first: a 503, or a 500 with "Database error"."""


class ForbiddenError(ServicesError):
    """Airflow knows the user and lets them not do this: a 403."""


def failure(content: Sequence[Any], lines: int = 12) -> str:
    """The errors among a log's entries, as `type: message`; without any, the log's last lines.

    >>> told = {"exc_type": "DataQualityError", "exc_value": "3 rows; 100 are asked for"}
    >>> print(failure([{"event": "::group::Log"}, {"event": "started", "level": "info"},
    ...     {"event": "Task failed with exception", "level": "error", "error_detail": [told]}]))
    DataQualityError: 3 rows; 100 are asked for
    """
    entries = [entry if isinstance(entry, Mapping) else {"event": entry} for entry in content]
    errors = [entry for entry in entries if entry.get("level") in ("error", "critical")]
    told = [text for entry in errors for text in _said(entry)]
    told = told or [text for entry in entries for text in _said(entry)]
    return "\n".join(list(dict.fromkeys(told))[-lines:])


def _said(entry: Mapping[str, Any]) -> list[str]:
    """An entry's exceptions, which say more than its event; else the event."""
    details = entry.get("error_detail") or []
    if found := [f"{e['exc_type']}: {e['exc_value']}" for e in details if e.get("exc_type")]:
        return found
    event = str(entry.get("event", "")).strip()
    return [] if not event or event.startswith(GROUP_MARKS) else [event]


class AirflowRest:
    """A logged-in session; a context manager."""

    def __init__(self, login: Login) -> None:
        # A proxy of the environment has no business on the loopback interface.
        self._http = httpx.Client(base_url=login.address, timeout=30.0, trust_env=False)
        token = self._call(
            "POST", "/auth/token", {"username": login.user, "password": login.password}
        )["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def dag_ids(self) -> set[str]:
        """Names of the DAGs that the DAG processor has read without error."""
        return {dag["dag_id"] for dag in self._call("GET", "/api/v2/dags?limit=100")["dags"]}

    def import_errors(self) -> list[str]:
        """What keeps DAG files from being read, one text per file."""
        found = self._call("GET", "/api/v2/importErrors")["import_errors"]
        return [f"{error['filename']}: {error['stack_trace']}" for error in found]

    def paused(self, dag_id: str) -> bool:
        return bool(self._call("GET", f"/api/v2/dags/{dag_id}")["is_paused"])

    def pause(self, dag_id: str, paused: bool) -> None:
        self._call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": paused})

    def trigger(self, dag_id: str, conf: Mapping[str, Any]) -> str:
        """Start a run; gives its id."""
        body = {"logical_date": None, "conf": dict(conf)}
        return str(self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def clear(self, dag_id: str, run_id: str) -> None:
        """Let every task of a run be run again."""
        body = {
            "dry_run": False,
            "dag_run_id": run_id,
            "only_failed": False,
            "reset_dag_runs": True,
        }
        self._call("POST", f"/api/v2/dags/{dag_id}/clearTaskInstances", body)

    def abandon_unfinished(self, dag_id: str) -> list[str]:
        """Fail the runs that a stopped Airflow left unfinished; their tasks run no more."""
        path = f"/api/v2/dags/{dag_id}/dagRuns"
        found = self._call("GET", f"{path}?state=queued&state=running")["dag_runs"]
        for run in found:
            self._call("PATCH", f"{path}/{run['dag_run_id']}", {"state": "failed"})
        return [run["dag_run_id"] for run in found]

    def backfill(self, dag_id: str, first: datetime, last: datetime) -> int:
        """Start the runs of `first <= logical date <= last`, done ones again; gives its id.

        A backfill that a stopped Airflow left open is cancelled first. One that meets another
        writer is asked for again. Airflow then deletes the runs it had made so far, and a scheduler
        that has one of them in hand dies of that: hence the DAG is paused until all are there.
        """
        query = f"/api/v2/backfills?dag_id={dag_id}&limit=100&order_by=-id"
        body = {
            "dag_id": dag_id,
            "from_date": first.isoformat(),
            "to_date": last.isoformat(),
            "max_active_runs": 1,
            "reprocess_behavior": "completed",
        }
        with self._paused_meanwhile(dag_id):
            for attempt in range(LOCKED_ATTEMPTS):
                try:
                    for found in self._call("GET", query)["backfills"]:
                        if found["completed_at"] is None:
                            self._cancel(found["id"])
                    return int(self._ask("POST", "/api/v2/backfills", body)["id"])
                except LockedError:
                    if attempt == LOCKED_ATTEMPTS - 1:
                        raise
                    time.sleep(LOCKED_PAUSE)
        raise AssertionError("the last attempt returns or raises")

    def _cancel(self, backfill_id: int) -> None:
        """End a backfill, unless the scheduler finds just now that it is over."""
        try:
            self._call("PUT", f"/api/v2/backfills/{backfill_id}/cancel")
        except ServicesError:
            if not self.backfill_done(backfill_id):
                raise

    @contextmanager
    def _paused_meanwhile(self, dag_id: str) -> Iterator[None]:
        """The scheduler starts no run of this DAG meanwhile."""
        was_on = not self.paused(dag_id)
        if was_on:
            self.pause(dag_id, True)
        try:
            yield
        finally:
            if was_on:
                self.pause(dag_id, False)

    def backfill_done(self, backfill_id: int) -> bool:
        return self._call("GET", f"/api/v2/backfills/{backfill_id}")["completed_at"] is not None

    def run_ids(self, dag_id: str) -> list[str]:
        found = self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns?limit=100")["dag_runs"]
        return [run["dag_run_id"] for run in found]

    def runs_between(self, dag_id: str, first: datetime, last: datetime) -> dict[str, str]:
        """State of the runs of `first <= logical date <= last` by run id, the earliest first."""
        path = f"/api/v2/dags/{dag_id}/dagRuns"
        query = {
            "logical_date_gte": first.isoformat(),
            "logical_date_lte": last.isoformat(),
            "order_by": "logical_date",
            "limit": 100,
        }
        found = self._call("GET", f"{path}?{urlencode(query)}")["dag_runs"]
        return {run["dag_run_id"]: run["state"] for run in found}

    def events_of(self, dag_id: str) -> dict[str, dict[str, Any]]:
        """The latest event of each asset that this DAG changed, by the asset's URI: its `extra`."""
        query = urlencode({"source_dag_id": dag_id, "order_by": "timestamp", "limit": 100})
        found = self._call("GET", f"/api/v2/assets/events?{query}")["asset_events"]
        return {event["uri"]: event["extra"] for event in found}

    def connection(self, connection_id: str) -> dict[str, Any] | None:
        """A connection without its password; None if there is none."""
        query = f"/api/v2/connections?{urlencode({'connection_id_pattern': connection_id})}"
        found = self._call("GET", query)["connections"]
        return next((one for one in found if one["connection_id"] == connection_id), None)

    def set_connection(self, connection: Mapping[str, Any]) -> None:
        """Make a connection, in the place of the one that has its id."""
        self.drop_connection(connection["connection_id"])
        self._call("POST", "/api/v2/connections", connection)

    def drop_connection(self, connection_id: str) -> None:
        """Remove a connection if it is there."""
        if self.connection(connection_id) is not None:
            self._call("DELETE", f"/api/v2/connections/{connection_id}")

    def run_state(self, dag_id: str, run_id: str) -> str:
        return str(self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def task_states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        """State of every task of a run, by task id."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        return {ti["task_id"]: ti["state"] for ti in self._call("GET", path)["task_instances"]}

    def answer(self, dag_id: str, run_id: str, task_id: str, option: str, **given: str) -> None:
        """Answer a task that waits for a person, with what its form asks for."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/-1/hitlDetails"
        self._call("PATCH", path, {"chosen_options": [option], "params_input": given})

    def asked(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """What a task asks a person: ``subject``, ``body``, ``assigned_users``, ``options``."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/-1/hitlDetails"
        found: dict[str, Any] = self._call("GET", path)
        return found

    def result(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """What a task returned; None if it returned nothing (yet)."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries"
        answer = self._http.get(f"{path}/return_value?deserialize=true")
        return answer.json()["value"] if answer.is_success else None

    def log_end(self, dag_id: str, run_id: str, task_id: str) -> str:
        """What a task's newest log says about its failure."""
        base = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        number = self._call("GET", base)["try_number"] or 1
        answer = self._http.get(f"{base}/logs/{number}", headers={"Accept": "application/json"})
        return failure(answer.json().get("content", []) if answer.is_success else [])

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer's content; what met another writer changed nothing, so it is asked again."""
        for _ in range(LOCKED_ATTEMPTS - 1):
            with suppress(LockedError):
                return self._ask(method, path, body)
            time.sleep(LOCKED_PAUSE)
        return self._ask(method, path, body)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        try:
            answer = self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise ServicesError(f"Airflow did not answer {method} {path}: {error}") from error
        if not answer.is_success:
            kind = ForbiddenError if answer.status_code == 403 else ServicesError
            if answer.status_code == 503 or '"Database error"' in answer.text:
                kind = LockedError
            raise kind(
                f"Airflow answered {answer.status_code} to {method} {path}: {answer.text[:300]}"
            )
        return answer.json() if answer.content else None
