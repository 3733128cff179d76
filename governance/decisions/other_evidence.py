"""Evidence that an installation adds: its providers are asked, and one that fails gives none.

Neighbour: ``governance.policy.gates.other_evidence`` judges what they say. Not promised: that a
provider comes to an end; it runs in the transaction of the decision.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import Connection

from governance.errors import InvalidEvidenceError
from governance.policy.promotion.facts import OtherEvidence
from governance.values import ModelVersion, Verdict

log = logging.getLogger(__name__)

# Evidence of another kind: (connection, version, cut-off) -> what it says; None where nothing does.
Provider = Callable[[Connection, ModelVersion, datetime], OtherEvidence | None]


def other_evidence(
    providers: Mapping[str, Provider], connection: Connection, version: ModelVersion, at: datetime
) -> dict[str, OtherEvidence]:
    """What each says by its name; INSUFFICIENT, with the reason, where it raised.

    Raises:
        InvalidEvidenceError: a provider that gives something else than ``OtherEvidence``.
    """
    found = {}
    for name, provider in providers.items():
        try:
            with connection.begin_nested():  # what fails in it must not end the transaction
                said = provider(connection, version, at)
        except Exception as error:  # somebody else's code: its fault is missing evidence
            why = _failed(error)  # not the traceback: its text may hold what no log can write
            log.warning("the provider of evidence %s failed for %s: %s", name, version.ref, why)
            found[name] = OtherEvidence(result=Verdict.INSUFFICIENT, reason=why)
            continue
        if said is None:
            continue
        if not isinstance(said, OtherEvidence):
            raise InvalidEvidenceError(
                f"the provider of evidence {name!r} gave {type(said).__name__}; it must give "
                "OtherEvidence, or None where there is none"
            )
        found[name] = said
    return found


def _failed(error: Exception) -> str:
    """One line that can be stored, whatever the text of the error holds."""
    line = " ".join(f"its provider failed: {type(error).__name__}: {error}".split())
    return line.encode(errors="replace").decode()[:300]
