"""trained -> validated or failed: gather the facts, ask the policy, record what came out.

The gates are pure (``governance.policy.validation``); this module brings them the load verdict, the
provenance and the measured metrics, and writes decision, stage and audit entry in one transaction.
INSUFFICIENT changes no stage: the version stays trained until the missing evidence is there.
Asking the same again, or less, gives the stored decision. Asking more (the policy was tightened, or
further limits were given) judges again and records it, and leaves the stage as it is: a version
that is validated, in production or failed is moved by people and promotions, not by a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from governance.decisions.record import Decision, judged, store_decision
from governance.decisions.stored_decisions import latest_decision
from governance.errors import IllegalTransitionError
from governance.policy.facts import LoadFact, MetricLimit, ValidationFacts
from governance.policy.validation import ValidationPolicy, decide_validation
from governance.registry import attachments, records
from governance.registry.heads import lock_head
from governance.registry.transitions import move
from governance.store.database import Database, database_time
from governance.values import ModelVersion, Stage, Verdict, as_utc

OPERATION = "validation"


class VersionValidation:
    """Judges versions once; `load_fact`, `metrics` and `policy_of` bring its inputs."""

    def __init__(
        self,
        database: Database,
        *,
        load_fact: Callable[[ModelVersion], LoadFact | None],
        metrics: Callable[[ModelVersion], Mapping[str, Mapping[str, float | None]]],
        policy_of: Callable[[str], ValidationPolicy],
    ) -> None:
        self._database = database
        self._load_fact = load_fact
        self._metrics = metrics
        self._policy_of = policy_of

    def __call__(
        self,
        ref: ModelVersion | str,
        *,
        by: str,
        at: datetime | None = None,
        limits: Iterable[MetricLimit] = (),
    ) -> Decision:
        """The decision on a version: judged now, or the stored one if as much was asked before.

        Args:
            limits: asked in addition to the declared ones, for pipelines of one's own.

        Raises:
            IllegalTransitionError: a draft, or a version that left trained without a verdict.
        """
        attachments.check_person(by, what="by")
        with self._database.read() as connection:
            version = records.resolve(connection, ref)
            earlier = latest_decision(connection, version.id, OPERATION)
        policy = self._asked(version, limits)
        standing = _standing(version, earlier, policy)
        if standing is not None:  # a decision that refused is false, and stands all the same
            return standing
        facts = self._facts(version, policy)
        said = decide_validation(facts, policy)
        with self._database.begin() as tx:
            lock_head(tx, version.name)
            version = records.resolve(tx, version.id)
            # Somebody may have judged it while we looked at it.
            earlier = latest_decision(tx, version.id, OPERATION)
            standing = _standing(version, earlier, policy)
            if standing is not None:
                return standing
            now = database_time(tx)
            decision = judged(
                said,
                operation=OPERATION,
                version=version,
                facts=facts.as_json(),
                by=by,
                at=now if at is None else as_utc(at),
                recorded_at=now,
            )
            store_decision(tx, decision, recorded_at=now)
            if version.stage is Stage.TRAINED and said.verdict in _STAGE_OF:
                move(
                    tx,
                    version,
                    _STAGE_OF[said.verdict],
                    by=by,
                    reason="; ".join(decision.reasons)[:2000] or "validation passed",
                    at=decision.at,
                    details={"decision": decision.id},
                )
        return decision

    def failed_under_another_policy(self, version: ModelVersion) -> bool:
        """Did it fail what is no longer asked? Failed is final, so its bytes need a new number."""
        if version.stage is not Stage.FAILED:
            return False
        with self._database.read() as connection:
            earlier = latest_decision(connection, version.id, OPERATION)
        return earlier is not None and earlier.policy_digest != self._asked(version, ()).digest

    def _asked(self, version: ModelVersion, limits: Iterable[MetricLimit]) -> ValidationPolicy:
        declared = self._policy_of(version.name)
        return replace(declared, limits=(*declared.limits, *limits))

    def _facts(self, version: ModelVersion, policy: ValidationPolicy) -> ValidationFacts:
        provenance: dict[str, Any] = {
            name: version.manifest.get(name) for name in policy.required_provenance
        }
        return ValidationFacts(
            load=self._load_fact(version),
            provenance=provenance,
            metrics=self._metrics(version),
        )


_STAGE_OF = {Verdict.PASS: Stage.VALIDATED, Verdict.FAIL: Stage.FAILED}


def _standing(
    version: ModelVersion, earlier: Decision | None, policy: ValidationPolicy
) -> Decision | None:
    """The decision that still answers this question; `None` if it must be asked now."""
    if version.stage is Stage.TRAINED:
        return None
    if version.stage is Stage.DRAFT or earlier is None:
        raise IllegalTransitionError(
            f"{version.ref} is {version.stage}; only a trained version can be validated"
        )
    asked = ValidationPolicy.from_json(earlier.policy)
    covered = set(policy.limits) <= set(asked.limits) and set(policy.required_provenance) <= set(
        asked.required_provenance
    )
    return earlier if covered else None
