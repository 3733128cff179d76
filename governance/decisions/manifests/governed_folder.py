"""`gov.manifests(folder)`: document 004's evaluate, rollback and status on a trainer's own folder.

The trainer writes ``manifest_latest.json``; ``evaluate`` asks the gates and, if they pass, makes it
``manifest_active.json`` (the previous one stays as ``manifest_active_prev.json``). The same pure
gates judge as in a promotion; what changes or refuses something is in the audit log before a file
changes. Under a lock; each file is replaced in one step, so that a killed process leaves the old
state or the new one, and the next call finishes what was begun.

Not promised: that the folder cannot be changed behind our back; a model file whose bytes changed
since it was active is refused by ``rollback`` and named by ``status``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from governance.decisions.manifests.arguments import check_folder, check_label, check_people
from governance.decisions.manifests.foreign import OURS, ForeignManifest, digest_of, read_manifest
from governance.decisions.manifests.judging import failures, judge
from governance.decisions.manifests.members import changed_members, check_members, why_incomplete
from governance.decisions.manifests.ops_database import write_ops_status
from governance.decisions.manifests.outcome import Outcome
from governance.decisions.manifests.past import Past
from governance.decisions.manifests.state import State, read_state, write_state
from governance.decisions.manifests.takeover import Takeover
from governance.errors import GovernanceError, NotFoundError, ReasonRequiredError
from governance.files import file_lock, write_atomic
from governance.history.audit import append_entry
from governance.policy.people import visible
from governance.policy.promotion.limits import PromotionLimits
from governance.policy.verdict import Judgement
from governance.store.database import Database, database_time
from governance.values import as_utc, iso

LATEST, ACTIVE = "manifest_latest.json", "manifest_active.json"
PREVIOUS, STATE = "manifest_active_prev.json", "model_registry.json"


class GovernedFolder:
    """
    Args:
        folder: where the trainer writes. ops_db: a SQLite file for the status keys, or ``None``.
    """

    def __init__(self, database: Database, folder: Path, *, ops_db: Path | None = None) -> None:
        check_folder(folder)
        self._database, self._folder, self._ops_db = database, folder, ops_db
        self._lock = folder / ".governance.lock"
        self._past = Past(database, folder)

    def evaluate(
        self,
        limits: PromotionLimits,
        *,
        by: str,
        force: bool = False,
        reason: str | None = None,
        at: datetime | None = None,
    ) -> Outcome:
        """Promote the candidate if its gates pass. A refusal is an outcome, no error.

        Raises:
            ReasonRequiredError, InvalidInputError: nothing changed.
            StorageUnavailableError: the ops database was not written; the decision stands.
        """
        check_people(by, reason, force=force)
        with file_lock(self._lock, exclusive=True):
            now = self._now(at)
            candidate = read_manifest(self._folder / LATEST)
            active, state = self._standing()
            if active is not None and candidate.content == active.content:
                why = "candidate version equals active version"
                state.checked("no_change", why, candidate=candidate.version, at=now)
                return self._finish(state, "no_change", why)
            digests = candidate.member_digests(self._folder)
            facts = candidate.facts(digests)
            ever = self._past.was_governed(state) or (self._folder / ACTIVE).exists()
            said = judge(
                facts,
                None if active is None else active.facts(active.member_digests(self._folder)),
                limits,
                at=now,
                ever_active=ever,
            )
            incomplete = why_incomplete(candidate, digests)  # neither force nor policy skips it
            if active is not None and candidate.version == active.version:
                why = f"version {candidate.version} is active with other content; give it a new one"
                return self._reject(state, candidate, why, said, by=by, at=now)
            if facts.digest in state.rolled_back and not force:
                why = f"{candidate.version} was rolled back from; train another one, or force it"
                return self._reject(state, candidate, why, said, by=by, at=now)
            if incomplete or not (said.passed or force):
                why = "; ".join([*failures(said), *([incomplete] if incomplete else ())])
                return self._reject(state, candidate, why[:4000], said, by=by, at=now)
            forced = force and (not said.passed or facts.digest in state.rolled_back)
            action = "promoted" if ever else "bootstrap"
            why = str(reason) if forced else "all gates passed"
            self._activate(
                state, candidate, action, why, by=by, at=now, said=said, forced=forced,
                digests=digests, digest=facts.digest,
            )  # fmt: skip
            return self._finish(state, action, why, said=said, forced=forced)

    def rollback(
        self,
        *,
        to_version: str | None = None,
        by: str,
        reason: str | None = None,
        at: datetime | None = None,
    ) -> Outcome:
        """Make the previous (or a named) manifest active again; needs no readable active one.

        The previous one is the newest that was neither rolled back from nor forced. A named one
        that was never active here needs a reason, and the record says forced.

        Raises:
            NothingToRollBackError; ArtifactIntegrityError: a model file changed or is missing.
        """
        check_people(by, reason, force=False)
        check_label(to_version)
        with file_lock(self._lock, exclusive=True):
            now = self._now(at)
            active, state = self._standing()
            target = self._target(to_version, state, active)
            if active is not None and target.version == active.version:
                why = f"{target.version} is active already"
                state.checked("no_change", why, candidate=None, at=now)
                return self._finish(state, "no_change", why)
            digests = target.member_digests(self._folder)
            check_members(target, digests, state)
            stranger = bool(to_version) and not self._past.was_active(target.version, state)
            if stranger and not visible(reason or ""):
                raise ReasonRequiredError(
                    f"{target.version} was never active here, so no gate has passed it; say why it "
                    "must be (--reason), or evaluate it"
                )
            digest = digest_of(target.content, digests)
            was = None if active is None else active.version
            state.leave(was)
            why = reason or f"rolled back from {was or 'an unreadable manifest'}"
            self._activate(
                state, target, "rollback", why, by=by, at=now, said=None, forced=stranger,
                digests=digests, digest=digest,
            )  # fmt: skip
            return self._finish(state, "rollback", why, forced=stranger)

    def status(self) -> dict[str, Any]:
        """What is active, what waits, what was decided last; changes nothing."""
        found: dict[str, Any] = {"models_dir": str(self._folder)}
        for name, file in (("candidate", LATEST), ("active", ACTIVE), ("previous", PREVIOUS)):
            manifest, problem = self._try(file)
            found[f"{name}_version"] = None if manifest is None else manifest.version
            found[f"{name}_problem"] = problem
            if name == "active" and manifest is not None:
                digests = manifest.member_digests(self._folder)
                found["active_changed"] = changed_members(manifest, digests)
        return found | {"state": read_state(self._folder / STATE).as_json()}

    # -- files --------------------------------------------------------------------------------

    def _standing(self) -> tuple[ForeignManifest | None, State]:
        active, _ = self._try(ACTIVE)
        state = read_state(self._folder / STATE)
        state.follow(active)
        return active, state

    def _try(self, file: str) -> tuple[ForeignManifest | None, str | None]:
        try:
            return read_manifest(self._folder / file), None
        except NotFoundError:
            return None, None
        except GovernanceError as error:
            return None, error.message

    def _target(
        self, to_version: str | None, state: State, active: ForeignManifest | None
    ) -> ForeignManifest:
        takeover = Takeover(self._folder, self._try, previous=PREVIOUS)
        if to_version is not None:
            return takeover.named(to_version)
        steps = self._past.activated(state)
        now = None if active is None else active.version
        return takeover.by_itself(state, steps, active=now)

    def _activate(
        self,
        state: State,
        manifest: ForeignManifest,
        action: str,
        why: str,
        *,
        by: str,
        at: datetime,
        said: Judgement | None,
        forced: bool,
        digests: Mapping[str, str | None],
        digest: str,
    ) -> None:
        """The audit entry first, then previous, active, state: each step can be repeated."""
        before = state.active_version
        state.activated(manifest.version, at=at)
        state.known[manifest.version] = {"digest": digest, "members": dict(digests)}
        state.checked(action, why, candidate=None, at=at)
        if action != "rollback":
            state.candidate_version = manifest.version
        entry = self._record(state, manifest, action, why, by=by, at=at, said=said, forced=forced)
        state.remember({**entry, "previous_active_version": before})
        active = self._folder / ACTIVE
        if active.exists() and self._try(ACTIVE)[0] is not None:
            write_atomic(self._folder / PREVIOUS, active.read_bytes())
        ours = {
            "generation": state.generation,
            "digest": digest,
            "members": digests,
            "action": action,
            "activated_at": iso(at),
        }
        text = json.dumps({**manifest.content, OURS: ours}, indent=2, allow_nan=False)
        write_atomic(active, f"{text}\n".encode())

    def _reject(
        self,
        state: State,
        candidate: ForeignManifest,
        why: str,
        said: Judgement,
        *,
        by: str,
        at: datetime,
    ) -> Outcome:
        again = (state.last_action, state.last_reason) == ("rejected", why)
        again = again and state.candidate_version == candidate.version
        state.checked("rejected", why, candidate=candidate.version, at=at)
        if not again:  # an hourly evaluation of the same candidate says it once
            state.remember(self._record(state, candidate, "rejected", why, by=by, at=at, said=said))
        return self._finish(state, "rejected", why, said=said)

    def _record(
        self,
        state: State,
        manifest: ForeignManifest,
        action: str,
        why: str,
        *,
        by: str,
        at: datetime,
        said: Judgement | None,
        forced: bool = False,
    ) -> dict[str, Any]:
        entry = {
            **state.step(action, manifest.version, why, at=at),
            "by": by,
            "forced": forced,
            "gate_failures": [] if said is None else failures(said),
            "verdict_hash": None if said is None else said.verdict_hash,
        }
        with self._database.begin() as tx:
            details = {**entry, "folder": str(self._folder.resolve())}
            append_entry(tx, actor=by, action=f"manifest.{action}", details=details)
        return entry

    def _finish(self, state: State, action: str, why: str, **further: Any) -> Outcome:
        write_state(self._folder / STATE, state)
        if self._ops_db is not None:
            write_ops_status(
                self._ops_db, state.ops_values(action, why), at_ms=state.last_checked_at_ms
            )
        said: Judgement | None = further.get("said")
        return Outcome(
            action=action,
            reason=why,
            active_version=state.active_version,
            candidate_version=state.candidate_version,
            generation=state.generation,
            forced=bool(further.get("forced")),
            judgement=said,
        )

    def _now(self, at: datetime | None) -> datetime:
        with self._database.read() as connection:
            return database_time(connection) if at is None else as_utc(at)
