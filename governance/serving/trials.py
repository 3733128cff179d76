"""The challengers of every model, loaded, as the running trials name them.

Looked at every two seconds by whoever watches the champions. One that cannot be loaded is left out,
named in the status, and tried again after a minute. Neighbours: ``champion``, ``shadows``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from governance.errors import GovernanceError
from governance.serving import lookups
from governance.serving.loading import Serving
from governance.store.database import Database

log = logging.getLogger(__name__)

LOOK_SECONDS, RETRY_SECONDS = 2.0, 60.0


class Trials:
    """
    Args:
        load: loads a challenger.
        served: is this model served here?
    """

    def __init__(
        self,
        database: Database,
        *,
        load: Callable[[lookups.Challenger], Serving],
        served: Callable[[str], bool],
    ) -> None:
        self._database = database
        self._load = load
        self._served = served
        self._held: dict[str, tuple[Serving, ...]] = {}
        self._failed: dict[str, tuple[float, str, str]] = {}  # by id: when, which, why
        self._next = 0.0

    def of(self, model: str) -> tuple[Serving, ...]:
        return self._held.get(model, ())

    def problems(self, model: str) -> dict[str, str]:
        """Why challengers of ``model`` are not shadowed, by version."""
        return {
            ref.partition(":")[2]: why
            for _, ref, why in list(self._failed.values())
            if ref.partition(":")[0] == model
        }

    @property
    def due(self) -> bool:
        """Was the last look longer ago than a moment?"""
        return time.monotonic() >= self._next

    def look(self) -> None:
        """Load what is new, drop what ended; nothing, if it was done a moment ago."""
        if not self.due:
            return
        self._next = time.monotonic() + LOOK_SECONDS
        known = {one.version.id: one for held in self._held.values() for one in held}
        made: dict[str, tuple[Serving, ...]] = {}
        running = set()
        for model, trials in lookups.challengers(self._database).items():
            if self._served(model):
                loaded = [known.get(one.version.id) or self._loaded(one) for one in trials]
                made[model] = tuple(one for one in loaded if one is not None)
                running |= {one.version.id for one in trials}
        self._held = made
        self._failed = {key: said for key, said in self._failed.items() if key in running}

    def _loaded(self, trial: lookups.Challenger) -> Serving | None:
        version = trial.version
        known = self._failed.get(version.id)
        if known is not None and time.monotonic() < known[0] + RETRY_SECONDS:
            return None
        try:
            made = self._load(trial)
        except GovernanceError as error:
            why = f"{error.code}: {error.message}"
        except Exception as error:  # a library's own: one challenger less, nothing more
            log.exception("challenger %s could not be loaded", version.ref)
            why = f"{type(error).__name__}: {str(error)[:200]}"
        else:
            self._failed.pop(version.id, None)
            return made
        log.warning("challenger %s is not shadowed: %s", version.ref, why)
        self._failed[version.id] = (time.monotonic(), version.ref, why)
        return None
