"""What was active in a folder once: by its state file, else by the audit log.

The state file can be lost or written by anybody; a gate that compares with the champion must not
take a folder with a past for a new one. Not promised: that a step of the log reached the folder; a
process may have been killed between the two.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import select

from governance.decisions.manifests.state import State
from governance.store.database import Database
from governance.store.schema import audit_log

_ACTIVATING = ("bootstrap", "promoted", "rollback")


class Past:
    """Asks the log only where the state does not know."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._folder = database, folder

    def was_governed(self, state: State) -> bool:
        """Was anything ever active here?"""
        return state.generation > 0 or bool(self._versions())

    def was_active(self, version: str, state: State) -> bool:
        return version in state.known or version in self._versions()

    def activated(self, state: State) -> list[Mapping[str, Any]]:
        """The steps that made something active, oldest first, from whichever knows more of them."""
        kept: list[Mapping[str, Any]] = [step for step in state.history if _activates(step)]
        return max(self._steps(), kept, key=len)

    def _versions(self) -> set[str]:
        return {str(step["candidate_version"]) for step in self._steps()}

    def _steps(self) -> list[Mapping[str, Any]]:
        here = str(self._folder.resolve())
        actions = [f"manifest.{action}" for action in _ACTIVATING]
        with self._database.read() as connection:
            rows = connection.scalars(
                select(audit_log.c.details)
                .where(audit_log.c.action.in_(actions))
                .order_by(audit_log.c.seq)
            ).all()
        entries = (json.loads(row) if isinstance(row, str) else row for row in rows)
        return [entry for entry in entries if entry.get("folder") == here and _activates(entry)]


def barred(steps: list[Mapping[str, Any]]) -> dict[str, str]:
    """Versions that nothing but a person brings back, each with the reason.

    As in the registry: those that a rollback left, and those that came in by force. A label that
    passed the gates again later stands for something else by then.

    >>> def step(action, version, forced=False):
    ...     return {"action": action, "candidate_version": version, "forced": forced}
    >>> barred([step("promoted", "v1"), step("promoted", "v2", True), step("rollback", "v1")])
    {'v2': 'was itself rolled back from'}
    """
    found: dict[str, str] = {}
    for before, step in pairwise([{}, *steps]):
        version, left = step["candidate_version"], before.get("candidate_version")
        if step.get("forced"):
            found.setdefault(version, "came by force")
        elif step["action"] != "rollback":
            found.pop(version, None)
        if step["action"] == "rollback" and left not in (None, version):
            found[left] = "was itself rolled back from"
    return found


def _activates(step: Mapping[str, Any]) -> bool:
    return step.get("action") in _ACTIVATING and isinstance(step.get("candidate_version"), str)
