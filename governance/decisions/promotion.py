"""``gov.promotion``: which version decides, whether one may, and what was decided.

Each call has a module of its own that says how: ``promoting`` (the one transaction that holds all
that a promotion means), ``rollback``, ``replay``, ``policy_backtest``. Reading is here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from governance.config.policy_file import PolicyFile, read_policy
from governance.decisions.approvals import asked_of
from governance.decisions.decision_queries import (
    activation_history,
    every_decision,
    get_decision,
    list_decisions,
)
from governance.decisions.facts import FactsOf, load_fact
from governance.decisions.policy_backtest import PolicyBacktest, backtest
from governance.decisions.policy_in_force import PolicyInForce
from governance.decisions.promoting import OPERATION, Promoting
from governance.decisions.record import Decision, judged
from governance.decisions.replay import Replay, replay, replayed
from governance.decisions.rollback import Rollback
from governance.decisions.wish import Wish
from governance.errors import GateFailedError, GovernanceError, InvalidInputError
from governance.policy.promotion.criteria import PromotionCriteria
from governance.registry import records
from governance.registry.artifacts import ArtifactStore
from governance.store.database import Database, database_time
from governance.values import ModelVersion, as_utc, check_model_name

log = logging.getLogger(__name__)


class ModelPromotion:
    """Promotes, rolls back, replays. Built by ``Governance.open``.

    Args:
        follow: brings the files up to date with what was decided. A process that is killed before
            it leaves them to the next call, or to `governance reconcile`.
    """

    def __init__(
        self,
        database: Database,
        artifacts: ArtifactStore,
        policy: PolicyInForce,
        facts: FactsOf,
        *,
        promoting: Promoting,
        rollback: Rollback,
        follow: Callable[[], object],
    ) -> None:
        self._database = database
        self._artifacts = artifacts
        self._policy = policy
        self._facts = facts
        self._promoting = promoting
        self._rollback = rollback
        self._follow = follow

    def check_promotion_eligibility(
        self,
        ref: ModelVersion | str,
        *,
        criteria: PromotionCriteria | Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        at: datetime | None = None,
    ) -> tuple[bool, Decision]:
        """What would the gates say? Nothing is stored; the decision has no id.

        Args:
            criteria: document 000's, in place of what the policy asks of shadow sessions.
            overrides: of the policy, as a promotion would be given them.
            at: evidence cut-off; database time if not given.

        Returns:
            Whether all enforced gates pass, and every check with its figures. Where only an
            approval is missing, ``decision.awaits_approval``.
        """
        cut_off = None if at is None else as_utc(at)
        with self._database.read() as connection:
            version = records.resolve(connection, ref)
            unknown = load_fact(connection, version) is None
        if unknown:
            self._facts.probe(version)
        asked = asked_of(self._policy, version, overrides, criteria=criteria)
        outside = self._facts.look_outside(version)
        with self._database.read() as connection:
            moment = cut_off or database_time(connection)
            version = records.resolve(connection, version.id)
            champion = records.in_production(connection, version.name)
            facts = self._facts(connection, version, champion, at=moment, outside=outside)
        decision = judged(
            asked.judge(facts),
            operation=OPERATION,
            version=version,
            facts=facts.as_json(),
            by="",
            at=moment,
            recorded_at=None,
            overridden=bool(asked.loosened),
        )
        return decision.eligible, decision

    def promote_to_production(
        self,
        ref: ModelVersion | str,
        *,
        by: str,
        approved_by: str | None = None,
        approval_id: str | None = None,
        force: bool = False,
        reason: str | None = None,
        overrides: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        expected_generation: int | None = None,
        at: datetime | None = None,
    ) -> Decision:
        """Put a version into production and retire the one before.

        Args:
            by, approved_by: people; recorded as given (faces establish who they are).
            approval_id: an answered request (``gov.approvals``); it is used up.
            force: skip the gates, never integrity or the lifecycle; needs ``reason``.
            overrides: policy values for this call alone. Asking more is free; asking less needs
                somebody who approved it and ``reason``, and the decision says ``overridden``.
            idempotency_key: the same key with the same arguments gives the same decision.
            expected_generation: ``gov.registry.generation(name)`` as the caller last saw it; by
                itself the one at which this call begins.
            at: evidence cut-off and effective time of the activation; database time if not given.

        Raises:
            ReasonRequiredError: forced, or asked less, without a reason.
            ApprovalRequiredError, ApproverNotAllowedError: asked less without one who may approve.
            ApprovalNotUsableError: the approval is used, late, or about something else.
            IllegalTransitionError: from this stage there is no way into production.
            ArtifactIntegrityError: the bytes are not the registered ones; nothing changed.
            ArtifactUnloadableError: a probe has said that the bytes do not load; nothing changed.
            GateFailedError: refused; ``decision`` is the stored record.
            StaleGenerationError: another activation came first; ``generation`` is the current one.
        """
        wish = Wish(
            ref=ref,
            by=by,
            approved_by=approved_by,
            approval_id=approval_id,
            force=force,
            reason=reason,
            overrides=overrides,
            idempotency_key=idempotency_key,
            expected_generation=expected_generation,
            at=None if at is None else as_utc(at),
        )
        try:
            decision = self._promoting(wish)
        except GateFailedError:
            self._catch_up()  # the refusal is a decision, too
            raise
        self._catch_up()
        return decision

    def rollback_model(
        self,
        name: str,
        *,
        to_version: ModelVersion | str | None = None,
        by: str,
        reason: str,
        at: datetime | None = None,
        idempotency_key: str | None = None,
        expected_generation: int | None = None,
    ) -> Decision:
        """Put an earlier version back; see ``governance.decisions.rollback``.

        Raises:
            NothingToRollBackError, StaleGenerationError; and what is said of the target's bytes.
        """
        decision = self._rollback(
            name,
            to_version=to_version,
            by=by,
            reason=reason,
            at=at,
            idempotency_key=idempotency_key,
            expected_generation=expected_generation,
        )
        self._catch_up()
        return decision

    def _catch_up(self) -> None:
        """What was decided stays so, whatever becomes of the files."""
        try:
            self._follow()
        except GovernanceError as error:
            log.warning(
                "files were not written (%s); the decision stands, and `governance reconcile` "
                "writes them once this is mended",
                error.message,
            )

    def get_active_model_path(self, name: str) -> Path | None:
        """The folder of the version in production; ``None`` if there is none.

        The stable link ``<home>/active/<name>_active`` where it leads to that version now, else the
        version's own folder: files follow the database, and may be a moment behind.
        """
        with self._database.read() as connection:
            champion = records.in_production(connection, check_model_name(name))
        if champion is None:
            return None
        folder = self._artifacts.home / champion.artifact_path
        link = self._artifacts.home / "active" / f"{name}_active"
        try:
            leads_there = link.resolve(strict=True) == folder.resolve(strict=True)
        except (OSError, RuntimeError):  # before Python 3.13 a loop of links is a RuntimeError
            leads_there = False
        return link if leads_there else folder

    def history(self, name: str) -> list[dict[str, Any]]:
        """Every activation of a model, oldest first: what was live from when on, who, why."""
        with self._database.read() as connection:
            return activation_history(connection, name)

    def decision(self, decision_id: str) -> Decision:
        """A stored decision with its checks, facts and policy.

        Raises:
            NotFoundError: there is none with this id.
        """
        with self._database.read() as connection:
            return get_decision(connection, decision_id)

    def decisions(
        self, model: str | None = None, *, operation: str | None = None, limit: int = 100
    ) -> list[Decision]:
        """Stored decisions, the newest first."""
        with self._database.read() as connection:
            return list_decisions(connection, model=model, operation=operation, limit=limit)

    def replay(self, decision_id: str) -> Replay:
        """Judge a stored decision again from what was frozen in it.

        Raises:
            NotFoundError: there is none with this id.
            ReplayMismatchError: something else comes out than what is stored.
        """
        return replay(self.decision(decision_id))

    def replay_all(self) -> Iterator[Replay]:
        """Every stored decision judged again, oldest first; what differs is not ``same``."""
        with self._database.read() as connection:
            for decision in every_decision(connection):
                yield replayed(decision)

    def backtest_policy(self, path: str | Path) -> PolicyBacktest:
        """What would the policy file at ``path`` have said of every promotion so far?

        Raises:
            InvalidInputError: ``path`` is no path.
            ConfigError: the file cannot be taken; with line and column.
        """
        if not isinstance(path, str | Path):
            raise InvalidInputError(
                f"a policy file is given by its path, not {type(path).__name__}; give a text or a "
                "Path"
            )
        return self.try_policy(read_policy(Path(path), stream=True))

    def try_policy(self, proposed: PolicyFile, *, model: str | None = None) -> PolicyBacktest:
        """The same of a policy that was read already, for the promotions of one model or of all."""
        with self._database.read() as connection:
            past = every_decision(connection, operation=OPERATION, model=model)
            return backtest(proposed, past)
