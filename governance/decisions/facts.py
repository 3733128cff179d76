"""What is known of a candidate and its champion at one moment: the facts of a promotion.

Steps, so that a transaction waits for no file: ``probe`` has bytes parsed that nobody has parsed
before; ``look_outside`` compares them with their digest, looks for the members of a bundle and
reads the declaration; the call itself asks the database alone, in the caller's transaction and
under the caller's lock. ``at`` is the evidence cut-off: a session, metric, validation or drift
report of later than that does not count. Which version is the champion, and in which stage the
candidate stands, is no evidence: that is as it is now.

Neighbours: ``governance.policy.promotion.facts`` (the types), ``governance.evidence.shadow`` (how
sessions are summed up). Not promised: that the bytes stay as they were when they were read.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, bindparam, func, select

from governance.config.model import ModelDeclaration
from governance.decisions.measured import Splits, measured_of_both
from governance.decisions.other_evidence import Provider, other_evidence
from governance.decisions.validation import OPERATION as VALIDATION
from governance.errors import GovernanceError, IntegrityError
from governance.evidence.shadow.gathering import calendar_of, paired_facts, shadow_facts
from governance.evidence.shadow.records import sessions_of_both
from governance.evidence.shadow.summary import PERIODS_PER_YEAR
from governance.policy.facts import LoadFact
from governance.policy.promotion.facts import (
    ApprovalFacts,
    BundleFacts,
    DriftFacts,
    PromotionFacts,
    VersionFacts,
)
from governance.registry.artifacts import ArtifactStore
from governance.registry.load_verdicts import stored_verdict
from governance.registry.probing import Probing
from governance.store.drift_tables import model_drift_report_features, model_drift_reports
from governance.store.schema import activations, decisions
from governance.store.types import stored_word
from governance.values import ModelVersion, Severity, Verdict, iso

_log = logging.getLogger(__name__)
_NO_APPROVAL = ApprovalFacts()
# The key of an Airflow run that nobody triggered by hand (``metadata["run"]`` of a retrain run).
_SCHEDULED = re.compile(r".*/(scheduled|backfill|asset_triggered)__.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Outside:
    """What files say of a version.

    Attributes:
        intact: the bytes have the registered digest; ``None``: that could not be looked at.
        problem: why ``intact`` is not true.
        members: of a bundle, by ``target:horizon``: is its file there?
        timezone: of the model's days, as declared. periods_per_year: of its returns.
        owner: who answers for the scheduled run that made the version; ``None``: a person did.
    """

    intact: bool | None
    problem: GovernanceError | None = None
    members: Mapping[str, bool] = field(default_factory=dict)
    timezone: str = "UTC"
    periods_per_year: float = PERIODS_PER_YEAR
    owner: str | None = None


class FactsOf:
    """Gathers; built by the wiring.

    Args:
        declared: what ``governance.yaml`` says of a model; ``None`` where it is not declared.
        providers: further evidence by the name that a policy asks for (``required_evidence``).
    """

    def __init__(
        self,
        probing: Probing,
        artifacts: ArtifactStore,
        *,
        declared: Callable[[str], ModelDeclaration | None],
        providers: Mapping[str, Provider],
    ) -> None:
        self._probing = probing
        self._artifacts = artifacts
        self._declared = declared
        self._providers = providers

    def look_outside(self, version: ModelVersion) -> Outside:
        """Hash the artifact; takes as long as it is large. Never inside a transaction."""
        declared = self._declared(version.name)
        zone, periods = calendar_of(declared)
        known = partial(
            Outside,
            timezone=zone,
            periods_per_year=periods,
            owner=self.owner(version),
        )
        if not version.digest:
            return known(None)
        try:
            self._probing.check_integrity(version)
        except IntegrityError as error:
            return known(False, error)
        except GovernanceError as error:  # a share that is away says nothing of the bytes
            return known(None, error)
        folder = self._artifacts.home / version.artifact_path
        members = _mapping(_mapping(version.manifest.get("bundle")).get("members"))
        there = {
            str(key): isinstance(name, str)
            and name == name.rpartition("/")[2]
            and (folder / name).is_file()
            for key, name in members.items()
        }
        return known(True, members=there)

    def probe(self, version: ModelVersion) -> None:
        """Have the bytes parsed in a child process where nobody has; the verdict is kept.

        What cannot be said now (no probe can run, an artifact that is away, a format that may not
        be parsed here) stays unknown, and the gates say so.
        """
        if not version.digest:
            return
        try:
            self._probing.load_fact(version)
        except GovernanceError as error:
            _log.warning("%s was not probed: %s", version.ref, error.message)

    def owner(self, version: ModelVersion) -> str | None:
        """Who answers for the scheduled run that made the version; ``None``: a person made it."""
        declared = self._declared(version.name)
        if declared is None:
            return None
        run = version.metadata.get("run")
        scheduled = isinstance(run, str) and _SCHEDULED.fullmatch(run) is not None
        return declared.owner if scheduled or version.created_by == declared.owner else None

    def __call__(
        self,
        connection: Connection,
        version: ModelVersion,
        champion: ModelVersion | None,
        *,
        at: datetime,
        outside: Outside,
        approval: ApprovalFacts = _NO_APPROVAL,
    ) -> PromotionFacts:
        """The facts of ``version`` beside ``champion``, in production now; evidence up to ``at``.

        Raises:
            InvalidEvidenceError: a provider that gives something else than ``OtherEvidence``.
        """
        other = None if champion is None else champion.id
        sessions, beside = sessions_of_both(connection, version.id, other, at=at)
        own, of_champion = measured_of_both(connection, version, champion, at=at)
        return PromotionFacts(
            at=iso(at),
            kind=version.kind,
            stage=version.stage,
            candidate=_version_facts(version, own, members=outside.members),
            champion=None if champion is None else _version_facts(champion, of_champion),
            ever_active=champion is not None or _ever_active(connection, version.name),
            intact=outside.intact,
            load=load_fact(connection, version),
            validation=_validation(connection, version.id, at),
            shadow=shadow_facts(
                connection,
                version,
                at=at,
                timezone=outside.timezone,
                periods_per_year=outside.periods_per_year,
                found=sessions,
            ),
            paired=paired_facts(
                connection, version, champion, at=at, found=sessions, beside=beside
            ),
            drift=_drift(connection, version.name, at),
            approval=approval,
            owner=outside.owner,
            other=other_evidence(self._providers, connection, version, at),
        )


def load_fact(connection: Connection, version: ModelVersion) -> LoadFact | None:
    """The stored verdict of the load probe, with the libraries installed now."""
    probed = stored_verdict(connection, version.digest)
    if probed is None:
        return None
    return LoadFact(loadable=probed.loadable, code=probed.code, reason=probed.reason)


def _version_facts(
    version: ModelVersion, metrics: Splits, *, members: Mapping[str, bool] | None = None
) -> VersionFacts:
    """What gates may ask of one version."""
    manifest = version.manifest
    named = (manifest.get(key) for key in ("feature_graph_hash", "feature_version"))
    return VersionFacts(
        version_id=version.id,
        version=version.version,
        digest=version.digest,
        created_by=version.created_by,
        trained_end=_text(manifest.get("trained_end")),
        feature_version=next((name for name in named if isinstance(name, str) and name), None),
        metrics=metrics,
        provenance={
            key: value
            for key, value in manifest.items()
            if value is None or (isinstance(value, str) and len(value) <= 200)
        },
        bundle=_bundle(manifest.get("bundle"), members or {}),
    )


def _bundle(said: Any, members: Mapping[str, bool]) -> BundleFacts | None:
    """``None`` also for one that says nothing that can be understood: it then lacks, not passes."""
    if not isinstance(said, Mapping):
        return None
    known = {name: said[name] for name in BundleFacts.model_fields if name in said}
    try:
        return BundleFacts.model_validate({**known, "members": members})
    except ValidationError:
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


_activation, _decision = activations.c, decisions.c
_reports, _features = model_drift_reports.c, model_drift_report_features.c

# Built once: to build these costs more than to ask them.
_ACTIVATED = (
    select(_activation.generation)
    .where(_activation.model_name == bindparam("model"), _activation.version_id.is_not(None))
    .limit(1)
)
_VALIDATED = (
    select(_decision.verdict)
    .where(
        _decision.version_id == bindparam("version"),
        _decision.operation == VALIDATION,
        _decision.at <= bindparam("by"),
    )
    .order_by(_decision.seq.desc())
    .limit(1)
)
_NEWEST = (
    select(_reports.id, _reports.severity, _reports.at)
    .where(_reports.model_name == bindparam("model"), _reports.at <= bindparam("by"))
    .order_by(_reports.at.desc(), _reports.recorded_at.desc(), _reports.id)
    .limit(1)
    .subquery()
)
_REPORTED = select(
    _NEWEST,
    select(func.max(_features.psi))
    .where(_features.report_id == _NEWEST.c.id)
    .scalar_subquery()
    .label("max_psi"),
)


def _ever_active(connection: Connection, model: str) -> bool:
    return connection.execute(_ACTIVATED, {"model": model}).first() is not None


def _validation(connection: Connection, version_id: str, at: datetime) -> Verdict | None:
    """What the latest validation decision of by then said."""
    said = connection.scalar(_VALIDATED, {"version": version_id, "by": at})
    return None if said is None else stored_word(Verdict, said, of="a validation decision")


def _drift(connection: Connection, model: str, at: datetime) -> DriftFacts | None:
    """The newest report of the model of by then; of two at one moment, the one recorded last."""
    newest = connection.execute(_REPORTED, {"model": model, "by": at}).first()
    if newest is None:
        return None
    return DriftFacts(
        severity=stored_word(Severity, newest.severity, of=f"drift report {newest.id}"),
        report_id=newest.id,
        at=iso(newest.at),
        age_hours=(at - newest.at).total_seconds() / 3600,
        max_psi=newest.max_psi,
    )
