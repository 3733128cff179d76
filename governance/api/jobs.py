"""Work that takes longer than a request should: taken on at once, looked at later.

A few threads, a short queue, and results in memory. A restart forgets all of it: a job that ran or
waited is gone with its result, its status is 404, and nothing is half-written, since jobs that are
taken on here record nothing before they are done. Whoever asked asks again.

A server of several processes has the jobs of each apart; `governance api serve` runs one.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from governance.canonical import sha256_of
from governance.errors import (
    GovernanceError,
    IdempotencyConflictError,
    NotFoundError,
    RateLimitedError,
    UnavailableError,
)

log = logging.getLogger(__name__)

WORKERS = 1
MAX_OPEN = 8  # that run or wait
MAX_OPEN_EACH = 4  # of one caller, so that nobody keeps all others from theirs
MAX_KEPT = 200

State = Literal["waiting", "running", "done", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """
    Attributes:
        problem: why it failed: ``status``, ``code``, ``detail``.
    """

    id: str
    kind: str
    model: str
    version: str
    asked_by: str
    asked_at: datetime
    state: State = "waiting"
    finished_at: datetime | None = None
    result: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None


class Jobs:
    """Built by ``create_app``; its threads start with the first job."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._keys: dict[str, tuple[str, str]] = {}
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    def start(
        self,
        work: Callable[[], dict[str, Any]],
        *,
        kind: str,
        model: str,
        version: str,
        by: str,
        arguments: Any,
        key: str | None,
    ) -> Job:
        """Take it on.

        Args:
            arguments: what was asked, as JSON.
            key: the same key with the same arguments gives the same job, as long as it is kept.

        Raises:
            IdempotencyConflictError: the key was used with other arguments.
            RateLimitedError: too many of one's own wait already.
            UnavailableError: too many wait already.
        """
        fingerprint = sha256_of([kind, model, version, by, arguments])
        with self._lock:
            if key is not None and key in self._keys:
                known, before = self._keys[key]
                if before != fingerprint:
                    raise IdempotencyConflictError(
                        "this idempotency key was used for another call; take a new key for new "
                        "arguments"
                    )
                return self._jobs[known]
            still = [job for job in self._jobs.values() if job.state in ("waiting", "running")]
            if sum(job.asked_by == by for job in still) >= MAX_OPEN_EACH:
                raise RateLimitedError(
                    f"{MAX_OPEN_EACH} jobs of yours wait already; ask again later"
                )
            if len(still) >= MAX_OPEN:
                raise UnavailableError(f"{MAX_OPEN} jobs wait already; ask again later")
            job = Job(
                id=uuid.uuid4().hex,
                kind=kind,
                model=model,
                version=version,
                asked_by=by,
                asked_at=datetime.now(UTC),
            )
            self._jobs[job.id] = job
            if key is not None:
                self._keys[key] = (job.id, fingerprint)
            self._forget()
            if self._pool is None:
                self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="governance-job")
            self._pool.submit(self._run, job.id, work)
        return job

    def get(self, job_id: str) -> Job:
        """
        Raises:
            NotFoundError: no such job, or one that a restart has forgotten.
        """
        with self._lock:
            found = self._jobs.get(job_id)
        if found is None:
            raise NotFoundError("no such job; a restart forgets jobs, so ask again")
        return found

    def close(self) -> None:
        """Take nothing more on; what waits is dropped, what runs is not waited for."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, job_id: str, work: Callable[[], dict[str, Any]]) -> None:
        self._change(job_id, state="running")
        try:
            result = work()
        except GovernanceError as error:
            said = {"status": error.status, "code": error.code, "detail": error.message}
            self._change(job_id, state="failed", problem=said)
        except Exception:
            log.exception("job %s failed", job_id)
            said = {
                "status": 500,
                "code": "internal_error",
                "detail": f"something went wrong here; the log has it under job {job_id}",
            }
            self._change(job_id, state="failed", problem=said)
        else:
            self._change(job_id, state="done", result=result)

    def _change(self, job_id: str, *, state: State, **values: Any) -> None:
        if state in ("done", "failed"):
            values["finished_at"] = datetime.now(UTC)
        with self._lock:
            if job_id in self._jobs:
                self._jobs[job_id] = replace(self._jobs[job_id], state=state, **values)

    def _forget(self) -> None:
        """The oldest that are over, beyond what is kept."""
        over = [job.id for job in self._jobs.values() if job.state in ("done", "failed")]
        for job_id in over[: max(0, len(self._jobs) - MAX_KEPT)]:
            del self._jobs[job_id]
        self._keys = {key: kept for key, kept in self._keys.items() if kept[0] in self._jobs}
