"""Challengers answer the champion's requests, after the answer has left.

A bounded queue takes what the champion answered; one thread computes each challenger's scores and
gives them to the log, below ``challengers/<model>/<version>``, with the champion's beside them.
Where the queue is full, a request is dropped and counted: a shadow costs no request its answer, nor
its time but for the processor they share. Neighbours: ``champion`` (says who the challengers are),
``prediction_log``.

Not promised: that every request is shadowed, or that a row lacking a column which only the
challenger knows can be.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from governance.errors import GovernanceError
from governance.serving.loading import Serving
from governance.serving.logged_rows import CHALLENGERS, Logged
from governance.serving.prediction_log import PredictionLog
from governance.serving.rows import Rows, computed

log = logging.getLogger(__name__)

_IDLE_SECONDS = 2.0


@dataclass(slots=True)
class ShadowFigures:
    """Of one challenger, in rows; ``problem`` is of its last failure."""

    scored: int = 0
    failed: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Asked:
    champion: Logged
    model: str
    challengers: Sequence[Serving] = field(default=())


class Shadows:
    """
    Args:
        most_requests, most_cells: what may wait; more is dropped.
    """

    def __init__(
        self, log: PredictionLog, *, most_requests: int = 256, most_cells: int = 5_000_000
    ) -> None:
        self._log = log
        self._queue: queue.Queue[_Asked] = queue.Queue(most_requests)
        self._most_cells = most_cells
        self._lock = threading.Lock()
        self._cells = 0
        self._dropped: dict[str, int] = {}
        self._figures: dict[str, ShadowFigures] = {}
        self._running = False
        self._closed = False

    def offer(self, model: str, challengers: Sequence[Serving], answered: Logged) -> bool:
        """Take a request for the challengers; ``False``: there is no room. Never waits."""
        with self._lock:
            if self._closed or self._cells + answered.cells > self._most_cells:
                return self._drop(model, answered)
            try:
                self._queue.put_nowait(_Asked(answered, model, challengers))
            except queue.Full:
                return self._drop(model, answered)
            self._cells += answered.cells
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="shadows", daemon=True).start()
        return True

    def drain(self) -> None:
        """Wait until all that was taken is computed."""
        self._queue.join()

    def close(self, *, seconds: float = 5.0) -> None:
        """Take nothing more. What waits is computed first, if that takes no more than ``seconds``:
        a challenger that hangs must not keep the server from ending, nor its log from being whole.
        """
        with self._lock:
            self._closed = True
        with self._queue.all_tasks_done:
            done = self._queue.all_tasks_done.wait_for(
                lambda: not self._queue.unfinished_tasks, seconds
            )
            left = self._queue.unfinished_tasks
        if not done:
            log.warning(
                "challengers are not done after %g s; %d requests are dropped", seconds, left
            )

    def dropped(self, model: str) -> int:
        """Rows of ``model`` that no challenger saw, since there was no room."""
        with self._lock:
            return self._dropped.get(model, 0)

    def as_json(self, version_id: str) -> dict[str, Any]:
        """The figures of one challenger."""
        with self._lock:
            one = self._figures.get(version_id) or ShadowFigures()
            return {
                "scored_rows": one.scored,
                "failed_rows": one.failed,
                "problem": one.problem or None,
            }

    def _drop(self, model: str, answered: Logged) -> bool:
        self._dropped[model] = self._dropped.get(model, 0) + answered.number
        return False

    def _run(self) -> None:
        while True:
            try:
                asked = self._queue.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if self._queue.empty():
                        self._running = False
                        return
                continue
            try:
                for challenger in asked.challengers:
                    self._score(challenger, asked.champion)
            finally:
                with self._lock:
                    self._cells -= asked.champion.cells
                self._queue.task_done()

    def _score(self, challenger: Serving, champion: Logged) -> None:
        problem = ""
        try:
            rows = rows_for(challenger, champion)
            scores = challenger.predictor(rows.matrix)
        except GovernanceError as error:
            problem = error.message
        except Exception as error:  # a challenger's failure is a finding about it, nothing more
            problem = f"{type(error).__name__}: {str(error)[:200]}"
            log.exception("challenger %s failed", challenger.version.ref)
        with self._lock:
            figures = self._figures.setdefault(challenger.version.id, ShadowFigures())
            if problem:
                figures.failed += champion.number
                figures.problem = problem
                return
            figures.scored += champion.number
        self._log.append(
            Logged(
                place=f"{CHALLENGERS}/{challenger.version.name}/{challenger.version.version}",
                serving=challenger,
                rows=rows,
                scores=scores,
                at=champion.at,
                request_id=champion.request_id,
                beside=champion.scores,
            )
        )


def rows_for(challenger: Serving, champion: Logged) -> Rows:
    """The champion's rows as the challenger takes them.

    Raises:
        InvalidInputError: a column is missing that only the challenger knows.
    """
    order, rows = challenger.order, champion.rows
    if rows.inputs is not None and order.inputs:
        plan = order.plan(tuple(rows.inputs.column_names))
        return computed(rows.inputs.select(list(plan.names)).to_pandas(), order, rows.times)
    given = champion.serving.order.features
    plan = order.plan(given)
    if plan.computed:
        frame = {name: rows.matrix[:, given.index(name)] for name in plan.names}
        return computed(pd.DataFrame(frame), order, rows.times)
    if plan.names == given:
        return rows
    places = [given.index(name) for name in plan.names]
    return Rows(rows.matrix[:, places], inputs=rows.inputs, times=rows.times)
