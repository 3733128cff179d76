"""What somebody wants promoted: the arguments of one call, checked and with one fingerprint.

Neighbour: ``promoting`` carries it out. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.canonical import sha256_of
from governance.decisions.asked import request_of
from governance.errors import InvalidInputError, ReasonRequiredError
from governance.policy.people import visible
from governance.registry import attachments
from governance.values import ModelVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The arguments of a promotion, checked.

    Raises:
        InvalidInputError, ReasonRequiredError: an argument that can never be right.
    """

    ref: ModelVersion | str
    by: str
    approved_by: str | None
    approval_id: str | None
    force: bool
    reason: str | None
    overrides: Mapping[str, Any] | None
    idempotency_key: str | None
    expected_generation: int | None
    at: datetime | None

    def __post_init__(self) -> None:
        attachments.check_person(self.by, what="by")
        if self.approved_by is not None:
            attachments.check_person(self.approved_by, what="approved_by")
        if self.reason is not None:
            attachments.check_text(self.reason, what="reason", limit=attachments.MAX_REASON)
        if not isinstance(self.force, bool):
            raise InvalidInputError("force is True or False")
        if self.force and not visible(self.reason or ""):
            raise ReasonRequiredError("a forced promotion needs a reason; say why it cannot wait")
        if self.expected_generation is not None and type(self.expected_generation) is not int:
            raise InvalidInputError(
                "expected_generation is a whole number, see registry.generation"
            )

    @property
    def purpose(self) -> str:
        return "force" if self.force else "promotion"

    def fingerprint(self, version: ModelVersion | None) -> str:
        """Of all arguments; ``version`` where the reference means the same one for ever.

        What came after the first release counts only where it is given, so that a call that is
        repeated over an upgrade is the same call.
        """
        later = {"overrides": request_of(self.overrides) or None, "approval_id": self.approval_id}
        return sha256_of(
            {
                "ref": str(self.ref) if version is None else version.id,
                "by": self.by,
                "approved_by": self.approved_by,
                "force": self.force,
                "reason": self.reason,
                "expected_generation": self.expected_generation,
                "at": self.at,
                **{key: value for key, value in later.items() if value is not None},
            }
        )
