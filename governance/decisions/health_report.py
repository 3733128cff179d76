"""What one check of a champion found, as faces show it. Values only; ``health`` looks and acts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Self

from governance.decisions.record import Decision
from governance.values import ModelVersion

Status = Literal["healthy", "corrupt", "unloadable", "unknown", "unavailable", "none"]
BROKEN: tuple[Status, ...] = ("corrupt", "unloadable")


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """What one check found of one model.

    Attributes:
        status: ``healthy``; ``corrupt`` (bytes other or gone) or ``unloadable``; ``unknown``: the
            bytes are the registered ones and nobody can say now whether they load;
            ``unavailable``: they cannot be read; ``none``: nothing is in production.
        version: the one that was looked at. generation: after the check.
        target: the version that took over; ``None`` if nothing did.
        decision: of the failover; ``None`` where nothing was changed.
    """

    model: str
    status: Status
    version: str | None
    version_id: str | None
    generation: int
    code: str
    reason: str
    at: datetime
    target: str | None = None
    decision: Decision | None = field(default=None, repr=False)

    def as_json(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "status": self.status,
            "version": self.version,
            "version_id": self.version_id,
            "generation": self.generation,
            "code": self.code,
            "reason": self.reason,
            "at": self.at,
            "failed_over": self.decision is not None,
            "target": self.target,
            "decision": None if self.decision is None else self.decision.id,
        }

    @classmethod
    def of(
        cls,
        model: str,
        version: ModelVersion | None,
        generation: int,
        at: datetime,
        status: Status,
        code: str,
        reason: str,
        *,
        target: str | None = None,
        decision: Decision | None = None,
    ) -> Self:
        return cls(
            model=model,
            status=status,
            version=None if version is None else version.version,
            version_id=None if version is None else version.id,
            generation=generation,
            code=code,
            reason=reason,
            at=at,
            target=target,
            decision=decision,
        )
