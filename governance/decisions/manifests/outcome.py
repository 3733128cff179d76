"""What one call on a governed folder did; the JSON that the command line prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from governance.policy.verdict import Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one call did.

    Attributes:
        action: ``bootstrap``, ``promoted``, ``rejected``, ``no_change``, ``rollback``.
        judgement: the gates; ``None`` where none was asked.
    """

    action: str
    reason: str
    active_version: str | None
    candidate_version: str | None
    generation: int
    forced: bool = False
    judgement: Judgement | None = None

    @property
    def promoted(self) -> bool:
        return self.action in ("bootstrap", "promoted")

    def as_json(self) -> dict[str, Any]:
        said = self.judgement
        return {
            "action": self.action,
            "promoted": self.promoted,
            "reason": self.reason,
            "active_version": self.active_version,
            "candidate_version": self.candidate_version,
            "generation": self.generation,
            "forced": self.forced,
            "verdict": None if said is None else said.verdict,
            "checks": [] if said is None else [check.as_json() for check in said.checks],
            "verdict_hash": None if said is None else said.verdict_hash,
        }
