"""The parts of one serving process, put together once, and what they say of themselves."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.concurrency import run_in_threadpool

from governance.errors import GovernanceError, UnavailableError
from governance.history.audit import append_entry
from governance.serving.answering import Answer, Answering, Asked
from governance.serving.bodies import Bodies
from governance.serving.champion import Champions
from governance.serving.figures import Figures
from governance.serving.guard import Guard, Identify
from governance.serving.limits import ServingLimits
from governance.serving.loading import Serving
from governance.serving.prediction_log import PredictionLog
from governance.serving.retention import Retention
from governance.serving.shadows import Shadows
from governance.serving.slots import Slot
from governance.values import iso
from governance.wiring import Governance

log = logging.getLogger(__name__)

_WORKERS = max(2, os.cpu_count() or 1)


class Desk:
    """
    Args: as of ``create_app``.

    Opens what needs the database with the first request, or at the start of the server.
    """

    def __init__(
        self,
        gov: Governance,
        *,
        identify: Identify | None,
        models: Sequence[str],
        limits: ServingLimits,
        log_interval: float,
        token_seconds: float,
        verify_dataset: bool,
    ) -> None:
        self.gov = gov
        self.limits = limits
        self.guard = Guard(gov, identify=identify, cache_seconds=token_seconds)
        self.champions = Champions(gov, models=models, verify_dataset=verify_dataset)
        self.log = PredictionLog(
            gov.settings.home / "predictions", interval=log_interval, lost=self._lost
        )
        self.shadows = Shadows(self.log)
        self.retention = Retention(gov)
        self.figures = Figures()
        self.bodies = Bodies(limits)
        self.answering = Answering(self.log, self.shadows, limits)
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="predict")
        self._waiting = 0
        self._recovered = threading.Lock()
        self._stopped = False

    def start(self) -> None:
        """Called by the server before the first request."""
        self.recover()
        self.champions.start()
        self.retention.start()

    def stop(self) -> None:
        """Called by the server after the last request; who asks yet is told to come again."""
        self._stopped = True
        self.champions.stop()
        self.retention.stop()
        self._pool.shutdown()
        self.shadows.close()
        self.log.close()

    def recover(self) -> None:
        """What an earlier process lost is told once."""
        if self._recovered.acquire(blocking=False):
            self.log.recover()

    async def who_answers(self, model: str) -> Serving:
        """See ``Champions.of``; a model that is not known yet is looked for now.

        Raises:
            UnavailableError: this server has been stopped: rows would not be on record any more.
        """
        if self._stopped:
            raise _stopping()
        champions = self.champions
        if not champions.watching or champions.slot(model) is None:
            await run_in_threadpool(champions.refresh, model)
        return champions.of(model)

    async def answer(self, asked: Asked) -> Answer:
        """Here if it is small, else in a thread.

        Raises:
            UnavailableError: too many wait for a thread, or the server has been stopped meanwhile.
        """
        if self._stopped:
            raise _stopping()
        if asked.small:
            return self.answering(asked)
        if self._waiting >= self.limits.most_waiting:
            raise UnavailableError(f"{self._waiting} larger requests are before this; come again")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, self.answering, asked)
        finally:
            self._waiting -= 1

    def status(self, model: str, slot: Slot) -> dict[str, Any]:
        """What is known of one model here."""
        return {
            "model": model,
            "state": "stale" if self.champions.problem and slot.serving else slot.state,
            "generation": slot.generation,
            "serving": None if slot.serving is None else _serving(slot.serving),
            "wanted": slot.wanted,
            "problem": None if slot.error is None else _problem(slot.error),
            "watcher_problem": self.champions.problem,
            "figures": self.figures.of(model),
            "shadows": {
                "running": [
                    {"version": one.version.version, **self.shadows.as_json(one.version.id)}
                    for one in self.champions.trials.of(model)
                ],
                "not_loaded": self.champions.trials.problems(model),
                "dropped_rows": self.shadows.dropped(model),
            },
            "prediction_log": self.log.as_json(),
        }

    def _lost(self, rows: int) -> None:
        """For the record: a window of live data has a hole."""
        try:
            with self.gov.database.begin() as tx:
                details = {"rows": rows}
                append_entry(tx, actor="serving", action="predictions.lost", details=details)
        except GovernanceError as error:
            log.warning("%d lost rows are not in the audit log: %s", rows, error.message)


def _stopping() -> UnavailableError:
    return UnavailableError("this server is being stopped; ask another, or come again")


def _serving(one: Serving) -> dict[str, Any]:
    graph = one.order.graph
    return {
        "version": one.version.version,
        "version_id": one.version.id,
        "digest": one.version.digest,
        "generation": one.generation,
        "loaded_at": iso(one.loaded_at),
        "features": list(one.order.features),
        "inputs": list(one.order.inputs),
        "feature_graph": None if graph is None else graph.hash,
        "predictions": list(one.predictor.names),
        "dataset": one.dataset,
    }


def _problem(error: GovernanceError) -> dict[str, str]:
    return {"code": error.code, "detail": error.message}
