"""What is known of one model: who answers, or why nobody does, or why somebody else.

Immutable values, exchanged whole by ``champion``. Pure but for the text it logs nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from governance.config.model import ModelDeclaration
from governance.errors import (
    DatasetMismatchError,
    FeatureGraphMismatchError,
    GovernanceError,
    NoProductionVersionError,
    NotFoundError,
    UnavailableError,
)
from governance.serving.loading import Serving

BLOCKS = (FeatureGraphMismatchError, DatasetMismatchError)
_FIRST_RETRY, _LAST_RETRY = 1.0, 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """
    Attributes:
        generation: as of the last look that came to an end.
        declared: the declaration that it was loaded with; with another one it is loaded again.
        serving: who answers.
        wanted: the version that should answer, where another one does or none.
        error: why ``wanted`` does not.
        retry_after: seconds until it is tried again, ``retry_at`` the monotonic time of that.
    """

    generation: int
    declared: ModelDeclaration | None = None
    serving: Serving | None = None
    wanted: str | None = None
    error: GovernanceError | None = None
    retry_after: float = 0.0
    retry_at: float = 0.0

    @property
    def state(self) -> str:
        """``serving``; ``stale``: an older version answers; ``blocked``: predictions are refused;
        ``unloadable``: nobody answers; ``none``: nothing is in production.
        """
        if self.serving is not None:
            return "serving" if self.error is None else "stale"
        if self.error is None:
            return "none"
        return "blocked" if isinstance(self.error, BLOCKS) else "unloadable"

    def failed(
        self, wanted: str, error: GovernanceError, *, before: Slot | None, now: float
    ) -> Slot:
        """This slot after ``wanted`` could not be loaded: whoever answered before goes on, unless
        predictions are blocked. Tries are further and further apart.
        """
        old = None if before is None else before.serving
        again = before is not None and before.error is not None and before.wanted == wanted
        wait = min(before.retry_after * 2, _LAST_RETRY) if again and before else _FIRST_RETRY
        return Slot(
            generation=self.generation,
            declared=self.declared,
            serving=None if isinstance(error, BLOCKS) else old,
            wanted=wanted,
            error=error,
            retry_after=wait,
            retry_at=now + wait,
        )


def who_answers(slot: Slot | None, model: str) -> Serving:
    """
    Raises:
        NotFoundError: no such model, or it is not served here.
        FeatureGraphMismatchError, DatasetMismatchError: predictions are blocked.
        NoProductionVersionError: nothing of it is in production.
        UnavailableError: its champion cannot be loaded, and there was none before it.
    """
    if slot is None:
        raise NotFoundError(f"no model {model[:80]!r} is served here")
    if slot.serving is not None:
        return slot.serving
    if slot.error is None:
        raise NoProductionVersionError(f"no version of {model!r} is in production; promote one")
    if isinstance(slot.error, BLOCKS):
        raise type(slot.error)(*slot.error.args)
    raise UnavailableError(
        f"{slot.wanted} is in production and cannot be loaded here "
        f"({slot.error.code}: {slot.error.message})"
    ) from slot.error
