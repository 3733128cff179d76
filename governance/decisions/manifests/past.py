"""What was active in a folder once: by its state file, else by the audit log.

The state file can be lost or written by anybody; a gate that compares with the champion must not
take a folder with a past for a new one.
"""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import select

from governance.decisions.manifests.state import State
from governance.store.database import Database
from governance.store.schema import audit_log

_ACTIVATING = ("manifest.bootstrap", "manifest.promoted", "manifest.rollback")


class Past:
    """Asks the log only where the state does not know."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._folder = database, folder

    def was_governed(self, state: State) -> bool:
        """Was anything ever active here?"""
        return state.generation > 0 or bool(self._versions())

    def was_active(self, version: str, state: State) -> bool:
        return version in state.known or version in self._versions()

    def _versions(self) -> set[str]:
        here = str(self._folder.resolve())
        with self._database.read() as connection:
            rows = connection.scalars(
                select(audit_log.c.details).where(audit_log.c.action.in_(_ACTIVATING))
            ).all()
        entries = (json.loads(row) if isinstance(row, str) else row for row in rows)
        return {str(e["candidate_version"]) for e in entries if e.get("folder") == here}
