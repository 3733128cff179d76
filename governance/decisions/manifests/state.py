"""``model_registry.json`` of a governed folder: what is active, what was decided, the last steps.

The key names are document 004's, so that what reads them goes on. ``generation`` counts the changes
of the active manifest; that carries it, too, and when a process died between the two files the
manifest is believed. Not promised: proof; the audit log of the governance database has that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from governance.decisions.manifests.foreign import LABEL, ForeignManifest, read_object
from governance.errors import GovernanceError, NotFoundError
from governance.files import write_atomic

SCHEMA = 1
MOST_HISTORY = 200


def milliseconds(at: datetime) -> int:
    """Since 1970, as document 004 writes times."""
    return int(at.timestamp() * 1000)


@dataclass(slots=True)
class State:
    """
    Attributes:
        known: digests of what was active once, by version: what a rollback may trust.
        rolled_back: digests of what was rolled back from; nothing but a person brings them back.
    """

    active_version: str | None = None
    previous_active_version: str | None = None
    candidate_version: str | None = None
    last_action: str = "none"
    last_reason: str = ""
    last_checked_at_ms: int = 0
    last_promoted_at_ms: int = 0
    generation: int = 0
    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    rolled_back: list[str] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        names = self.__slots__
        return {"schema_version": SCHEMA, **{name: getattr(self, name) for name in names}}

    def checked(self, action: str, reason: str, *, candidate: str | None, at: datetime) -> None:
        self.candidate_version = candidate or self.candidate_version
        self.last_action, self.last_reason = action, reason
        self.last_checked_at_ms = milliseconds(at)

    def activated(self, version: str, *, at: datetime) -> None:
        if version != self.active_version:
            self.previous_active_version = self.active_version
        self.active_version = version
        self.last_promoted_at_ms = milliseconds(at)
        self.generation += 1

    def ops_values(self, action: str, why: str) -> dict[str, str]:
        """Document 004's five status keys."""
        return {
            "model_active_version": self.active_version or "",
            "model_candidate_version": self.candidate_version or "",
            "model_governance_last_action": action,
            "model_governance_last_reason": why,
            "model_governance_last_checked_ms": str(self.last_checked_at_ms),
        }

    def leave(self, version: str | None) -> None:
        """``version`` is rolled back from."""
        digest = None if version is None else self.known.get(version, {}).get("digest")
        if isinstance(digest, str) and digest not in self.rolled_back:
            self.rolled_back = [*self.rolled_back, digest][-MOST_HISTORY:]

    def step(self, action: str, version: str, why: str, *, at: datetime) -> dict[str, Any]:
        """One line of the history."""
        return {
            "ts_ms": milliseconds(at),
            "action": action,
            "candidate_version": version,
            "active_version": self.active_version,
            "generation": self.generation,
            "reason": why,
        }

    def remember(self, entry: Mapping[str, Any]) -> None:
        self.history = [*self.history, dict(entry)][-MOST_HISTORY:]

    def follow(self, active: ForeignManifest | None) -> None:
        """Believe the active manifest where it is newer than what was written here."""
        if active is None:
            return
        generation = active.ours.get("generation")
        if isinstance(generation, int) and generation > self.generation:
            self.generation = generation
            self.previous_active_version = self.active_version
        self.active_version = active.version
        digest, members = active.ours.get("digest"), active.ours.get("members")
        if isinstance(digest, str) and isinstance(members, dict):
            self.known.setdefault(active.version, {"digest": digest, "members": members})


def read_state(path: Path) -> State:
    """The state; an empty one where none was written. One that cannot be read is put aside, since a
    rollback must not depend on it.
    """
    try:
        whole = read_object(path)
    except NotFoundError:
        return State()
    except GovernanceError:  # no JSON, a link, a folder
        with suppress(OSError):
            path.replace(path.with_name(f"{path.name}.damaged"))
        return State()
    empty = State()
    given = {
        name: whole[name]
        for name in State.__slots__
        if name in whole
        and isinstance(whole[name], _types_of(getattr(empty, name)))
        and not isinstance(whole.get(name), bool)
    }
    for name in ("active_version", "previous_active_version", "candidate_version"):
        if given.get(name) is not None and not LABEL.fullmatch(given[name]):
            del given[name]
    given["known"] = {
        version: kept
        for version, kept in given.get("known", {}).items()
        if isinstance(kept, dict) and isinstance(kept.get("members"), dict)
    }
    given["rolled_back"] = [one for one in given.get("rolled_back", []) if isinstance(one, str)]
    given["history"] = [step for step in given.get("history", []) if isinstance(step, dict)]
    return State(**given)


def _types_of(value: object) -> tuple[type, ...]:
    return (str, type(None)) if value is None else (type(value),)


def write_state(path: Path, state: State) -> None:
    text = json.dumps(state.as_json(), indent=2, allow_nan=False)
    write_atomic(path, f"{text}\n".encode())
