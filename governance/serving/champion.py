"""Who answers: the champion of every model, loaded, and exchanged when another is activated.

A background thread asks four times a second which generation each model is at (one query) and loads
what changed beside the old one, which answers until the new one is verified, loaded and tried;
then one reference is exchanged. A request keeps the version that it began with; the old one is
freed with its last request. Without the thread (an ASGI application whose lifespan is not run)
every request looks first.

A champion that cannot be loaded (damaged bytes, a database that is away) leaves the old one
answering, says so in the status, and is tried again. One whose features or data are not the
registered ones blocks predictions; a model without a champion has nobody to answer. A broken
``governance.yaml`` changes nothing: what was declared before counts on.

Neighbours: ``loading`` (one version), ``slots`` (what is known of one model), ``lookups`` (the
queries), ``trials``.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

from governance.access.roles import matches
from governance.config.governance_file import GovernanceConfig
from governance.config.model import ModelDeclaration
from governance.errors import GovernanceError, InvalidInputError, NotFoundError, UnavailableError
from governance.serving import lookups
from governance.serving.loading import Serving, load
from governance.serving.slots import Slot, who_answers
from governance.serving.trials import Trials
from governance.values import ModelVersion
from governance.wiring import Governance

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
_PATIENCE_SECONDS = 5.0


class Champions:
    """
    Args:
        models: patterns of the names that are served here.
        verify_dataset: are the registered data compared before a version answers?

    Attributes:
        complete: did a look end with nothing left to load?
        problem: why the last look came to nothing.
        swaps: how often another version took over, by model.
    """

    def __init__(
        self, gov: Governance, *, models: Sequence[str] = ("*",), verify_dataset: bool = True
    ) -> None:
        self._gov = gov
        self._patterns = tuple(models)
        self._verify_dataset = verify_dataset
        self._slots: dict[str, Slot] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._config: GovernanceConfig | None = None
        self._declarations: Mapping[str, ModelDeclaration] = {}
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._loads: ThreadPoolExecutor | None = None
        self._trying: threading.Thread | None = None
        self._running: dict[str, Future[None]] = {}
        self.trials = Trials(gov.database, load=self._challenger, served=self._served)
        self.complete = False
        self.problem: str | None = None
        self.swaps: dict[str, int] = {}

    # -- asking -----------------------------------------------------------------------------------

    @property
    def watching(self) -> bool:
        return self._thread is not None

    def of(self, model: str) -> Serving:
        """Who answers for ``model``: one look into a dictionary. See ``slots.who_answers``."""
        return who_answers(self._slots.get(model), model)

    def slot(self, model: str) -> Slot | None:
        return self._slots.get(model)

    def names(self) -> list[str]:
        return list(self._slots)

    def counts(self) -> dict[str, int]:
        """How many models there are, how many are in each state."""
        found = {"models": 0, "serving": 0, "stale": 0, "blocked": 0, "unloadable": 0, "none": 0}
        for slot in list(self._slots.values()):
            found["models"] += 1
            found[slot.state] += 1
        return found

    # -- looking ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Look from now on in the background; the first look begins at once."""
        with self._guard:
            if self._thread is None:
                self._stop.clear()
                self._loads = ThreadPoolExecutor(2, thread_name_prefix="load-champion")
                self._thread = threading.Thread(target=self._watch, name="champions", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        with self._guard:
            thread, loads = self._thread, self._loads
            self._thread = self._loads = None
        self._stop.set()
        if thread is not None:
            thread.join()
        if self._trying is not None:
            self._trying.join(_PATIENCE_SECONDS)  # one that hangs is left to itself
        if loads is not None:
            loads.shutdown(cancel_futures=True)

    def refresh(self, model: str, *, again: bool = False) -> None:
        """Look at one model now, and load it in this thread if it changed.

        Args:
            again: try at once what failed, without waiting for its time.

        Raises:
            UnavailableError: the database does not answer, and the model is not known yet.
        """
        try:
            self._read_config()
            self._consider(model, again=again)
            if not self.watching:
                self.trials.look()
            self.problem = None
        except UnavailableError as error:
            self.problem = error.message
            if model not in self._slots:
                raise

    def look(self) -> None:
        """One round over all models; loads run beside it where the thread runs."""
        self._read_config()
        heads = lookups.heads(self._gov.database)
        for model in [name for name in self._slots if name not in heads]:
            self._slots.pop(model, None)
        for model, generation in heads.items():
            if model in self._running or not self._served(model):
                continue
            if generation == 0 and model not in self._slots:  # never activated: nothing to load
                self._slots[model] = Slot(generation=0)
            elif self._due(model, generation):
                self._begin(model)
        if not self._running:
            self.complete = True
        self._look_at_trials()

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
                self.problem = None
            except GovernanceError as error:
                if self.problem is None:
                    log.warning("champions are not looked at: %s", error.message)
                self.problem = error.message
            except Exception as error:  # the thread must not end while requests are answered
                log.exception("champions are not looked at")
                self.problem = f"{type(error).__name__}: {str(error)[:200]}"
            self._stop.wait(LOOK_SECONDS)

    def _look_at_trials(self) -> None:
        """In a thread of its own: a challenger that loads slowly delays no champion."""
        if self._loads is None:
            self.trials.look()
        elif self.trials.due and (self._trying is None or not self._trying.is_alive()):
            self._trying = threading.Thread(target=self._try, name="challengers", daemon=True)
            self._trying.start()

    def _try(self) -> None:
        try:
            self.trials.look()
        except GovernanceError as error:  # the look at the champions says it too
            log.debug("challengers are not looked at: %s", error.message)
        except Exception:
            log.exception("challengers are not looked at")

    def _begin(self, model: str) -> None:
        loads = self._loads
        if loads is None:
            self._consider(model)
            return
        with suppress(RuntimeError):  # it is being stopped
            self._running[model] = future = loads.submit(self._considered, model)
            future.add_done_callback(lambda _: self._running.pop(model, None))

    def _considered(self, model: str) -> None:
        try:
            self._consider(model)
        except GovernanceError as error:
            self.problem = error.message
        except Exception:  # told, and looked at again
            log.exception("%s: its champion could not be looked at", model)

    def _consider(self, model: str, *, again: bool = False) -> None:
        """Load the champion of ``model`` if it is another one; one thread at a time for a model."""
        if not self._served(model):
            return
        with self._guard:
            lock = self._locks.setdefault(model, threading.Lock())
        with lock:
            try:
                found = lookups.live(self._gov.database, model)
            except (NotFoundError, InvalidInputError):
                with self._guard:
                    self._slots.pop(model, None)
                    self._locks.pop(model, None)
                return
            if self._due(model, found.generation, again=again):
                self._slots[model] = self._taken(model, found)

    def _taken(self, model: str, found: lookups.Live) -> Slot:
        """The slot after trying to load what was found."""
        before = self._slots.get(model)
        old = None if before is None else before.serving
        now = Slot(generation=found.generation, declared=self._declarations.get(model))
        if found.version is None:
            if old is not None:
                log.warning("%s: nothing is in production any more", model)
            return now
        same = old is not None and old.version.id == found.version.id
        if old is not None and same and before is not None and before.declared is now.declared:
            return replace(now, serving=replace(old, generation=found.generation))
        try:
            serving = self._load(found.version, found.feature_spec, found.generation)
            log.info("%s answers (generation %d)", found.version.ref, found.generation)
            if old is not None and not same:
                self.swaps[model] = self.swaps.get(model, 0) + 1
            return replace(now, serving=serving)
        except GovernanceError as error:
            failure = error
        except Exception as error:  # a library's own: whoever answered goes on
            log.exception("%s could not be loaded", found.version.ref)
            failure = UnavailableError(f"{type(error).__name__}: {str(error)[:200]}")
        log.warning("%s does not answer: %s", found.version.ref, failure.message)
        return now.failed(found.version.ref, failure, before=before, now=time.monotonic())

    def _load(self, version: ModelVersion, spec: Mapping[str, Any] | None, number: int) -> Serving:
        return load(
            self._gov,
            version,
            spec,
            generation=number,
            declared=self._declarations.get(version.name),
            verify_dataset=self._verify_dataset,
        )

    def _challenger(self, trial: lookups.Challenger) -> Serving:
        return self._load(trial.version, trial.feature_spec, 0)

    def _due(self, model: str, generation: int, *, again: bool = False) -> bool:
        slot = self._slots.get(model)
        if slot is None or slot.generation != generation:
            return True
        if slot.state != "none" and slot.declared is not self._declarations.get(model):
            return True
        return slot.error is not None and (again or time.monotonic() >= slot.retry_at)

    # -- what is declared -------------------------------------------------------------------------

    def _read_config(self) -> None:
        """The declarations as they are now. One that says the same stays the same object."""
        with suppress(InvalidInputError, UnavailableError):
            config = self._gov.config
            if config is not self._config:
                before = self._declarations
                self._declarations = {
                    name: before[name] if before.get(name) == declared else declared
                    for name, declared in config.models.items()
                }
                self._config = config

    def _served(self, model: str) -> bool:
        return any(matches(pattern, model) for pattern in self._patterns)
