"""The one place where concrete parts are put together: `Governance`.

Faces (CLI, operators, later the APIs) open one and call its parts; the parts do not know each other
beyond what their constructors take. A test replaces a part here.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from governance.access.desk import Access
from governance.config.current import CurrentConfig
from governance.config.governance_file import GovernanceConfig
from governance.config.model import ModelDeclaration
from governance.decisions.approvals import Approvals
from governance.decisions.drill import Drill
from governance.decisions.facts import FactsOf
from governance.decisions.failover import Failover
from governance.decisions.force_right import ForceRight
from governance.decisions.health import Health
from governance.decisions.manifests.governed_folder import GovernedFolder
from governance.decisions.measured import measured
from governance.decisions.other_evidence import Provider
from governance.decisions.policy_in_force import PolicyInForce
from governance.decisions.promoting import Promoting
from governance.decisions.promotion import ModelPromotion
from governance.decisions.record import Decision
from governance.decisions.rollback import Rollback
from governance.decisions.rollback_target import RollbackTargets
from governance.decisions.validation import VersionValidation
from governance.effects.alerts.center import AlertCenter
from governance.effects.registry_files import RegistryFiles
from governance.errors import InvalidInputError, NotFoundError, UnavailableError
from governance.evidence.drift.detector import DriftDetector
from governance.evidence.drift.report import DriftReport
from governance.evidence.metrics_log import ValidationMetricsTracker
from governance.evidence.shadow.testing import ShadowTesting
from governance.history.audit import AuditLog
from governance.history.checkpoints import trusted_key
from governance.history.incident_handling import read_incident
from governance.history.notices import notice_channels
from governance.policy.facts import MetricLimit
from governance.policy.validation import ValidationPolicy
from governance.registry.artifacts import ArtifactStore
from governance.registry.model_registry import ModelRegistry
from governance.registry.probing import Probing
from governance.settings import Settings
from governance.store.database import Database
from governance.store.migrate import ensure_schema
from governance.training.backtest import ModelBacktest
from governance.training.cycle import RetrainCycle
from governance.training.trial_sessions import TrialSessions
from governance.values import Kind, ModelVersion

log = logging.getLogger(__name__)


class Governance:
    """All that governance does, on one database and one home.

    >>> import tempfile
    >>> with Governance.open(home=tempfile.mkdtemp()) as gov:
    ...     gov.registry.get_production_model("momentum") is None
    True

    Attributes:
        registry: what exists. validation: what was measured. policy: what is asked.
        promotion: what decides. audit: what happened. cycle: the steps of a retrain run.
        alerts: who is told of incidents.
        approvals: who is asked before. evidence_providers: further evidence that a policy may ask
        for, by name (``required_evidence``): an experiment, a fairness check.
        force_right: who may skip the gates. access: who asks a face, and what they may do.
        shadow: challengers beside the champion. trials: their sessions from real data.
        drift: has live data moved? health: are the champions intact, would a rollback work?
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.artifacts = ArtifactStore(settings.home)
        self._config = CurrentConfig(settings)
        self.policy = PolicyInForce(
            database, settings, os.environ, channels=self._told, bundles=self._is_bundle
        )
        self.access = Access(database, self._config)
        self.audit = AuditLog(database, trusted_key=lambda: trusted_key(settings))
        self.registry = ModelRegistry(database, self.artifacts, settings, self._kind_of)
        self.validation = ValidationMetricsTracker(
            database,
            self.registry.resolve,
            backtest=ModelBacktest(database, resolve=self.registry.resolve, config=self._config),
        )
        self._probing = Probing(database, self.artifacts, settings)
        self._validate = VersionValidation(
            database,
            load_fact=self._probing.load_fact,
            metrics=self._measured,
            policy_of=self._validation_policy,
        )
        self.shadow = ShadowTesting(
            database,
            declared=self._declared,
            limits_of=lambda name, kind: self.policy.promotion(name, kind).limits,
        )
        self.files = RegistryFiles(database, settings.home)
        targets = RollbackTargets(database, self._probing)
        self.evidence_providers: dict[str, Provider] = {}
        facts = FactsOf(
            self._probing,
            self.artifacts,
            declared=self._declared,
            providers=self.evidence_providers,
        )
        self.approvals = Approvals(database, self.policy, facts, channels=self._told)
        self.promotion = ModelPromotion(
            database,
            self.artifacts,
            self.policy,
            facts,
            promoting=Promoting(database, self.policy, facts, channels=self._told),
            rollback=Rollback(database, targets, channels=self._told),
            follow=self.files.catch_up,
        )
        self.force_right = ForceRight(database, self.policy.may_force)
        self.health = Health(
            database,
            self._probing,
            failover=Failover(database, targets, channels=self._told),
            drill=Drill(database, targets, channels=self._told),
            channels=self._told,
        )
        self.drift = DriftDetector(
            database,
            self.registry,
            settings,
            config=self._config,
            policy=self.policy,
            environment=os.environ,
        )
        self.alerts = AlertCenter(
            database,
            settings,
            self._config,
            render=_render_message,
            before_reload=self.files.catch_up,
        )
        self.cycle = RetrainCycle(
            settings,
            config=self._config,
            registry=self.registry,
            tracker=self.validation,
            validate=self._validate,
            catch_up=self.files.catch_up,
            baselines=self.drift.baselines,
        )
        self.trials = TrialSessions(
            database, self.registry, self.shadow, config=self._config, home=settings.home
        )

    @classmethod
    def open(
        cls,
        *,
        database: str | None = None,
        home: str | Path | None = None,
        settings: Settings | None = None,
    ) -> Self:
        """Open, creating and migrating what is missing.

        Args:
            database: SQLAlchemy URL; else ``GOVERNANCE_DATABASE_URL``, else SQLite in the home.
            home: folder; else ``GOVERNANCE_HOME``, else ``./.governance``.

        Raises:
            SettingsError, DatabaseUnavailableError; SchemaOutdatedError on PostgreSQL.
        """
        settings = settings or Settings.load(database_url=database, home=home)
        opened = Database(settings.url, lock_timeout=settings.lock_timeout_seconds)
        try:
            ensure_schema(opened)
        except BaseException:
            opened.close()
            raise
        return cls(settings, opened)

    @property
    def config(self) -> GovernanceConfig:
        """The declared models, as ``governance.yaml`` has them now."""
        return self._config()

    def validate(
        self,
        ref: ModelVersion | str,
        *,
        by: str,
        at: datetime | None = None,
        limits: Iterable[MetricLimit] = (),
    ) -> Decision:
        """Judge a trained version: validated, failed, or INSUFFICIENT and still trained.

        Raises:
            UnsafeFormatError: its format may not be parsed here, so nothing can be said.
        """
        return self._validate(ref, by=by, at=at, limits=limits)

    def drift_html(self, report: DriftReport) -> str:
        """A drift report as one HTML page with its plots."""
        from governance.effects.drift_report.html import report_html  # it draws: seconds to import

        incident = None
        if report.incident_id is not None:
            with self.database.read() as connection, suppress(NotFoundError):
                incident = read_incident(connection, report.incident_id)
        return report_html(
            report.as_json(),
            history=self.drift.history(report),
            histograms=report.reference["histograms"],
            limits=report.policy,
            incident=None if incident is None else incident.as_json(),
        )

    def publish_drift_report(self, report: DriftReport) -> str:
        """Write the page to the place that messages link to; its link."""
        from governance.effects.drift_report.files import write_report

        return write_report(
            self.settings.home,
            report.model,
            report.at,
            self.drift_html(report),
            report_url=self.settings.report_url,
        )

    def manifests(self, folder: str | Path, *, ops_db: str | Path | None = None) -> GovernedFolder:
        """A foreign trainer's folder, governed in place (document 004)."""
        return GovernedFolder(
            self.database, Path(folder), ops_db=None if ops_db is None else Path(ops_db)
        )

    def close(self) -> None:
        """Give the database connections back; the object is not used afterwards."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _told(self) -> tuple[str, ...]:
        """Who is told of decisions. A broken file stops no decision: its notice is kept."""
        try:
            return notice_channels(self._config().alerts)
        except (InvalidInputError, UnavailableError) as error:
            log.warning("nobody is told of decisions while governance.yaml is broken: %s", error)
            return ()

    def _declared(self, name: str) -> ModelDeclaration | None:
        return self.config.models.get(name)

    def _is_bundle(self, name: str) -> bool:
        declared = self._declared(name)
        return declared is not None and declared.bundle is not None

    def _kind_of(self, name: str) -> Kind:
        """As declared; an undeclared model is judged by document 000's criteria, which are
        trading.
        """
        declared = self.config.models.get(name)
        return Kind.TRADING if declared is None else declared.kind

    def _validation_policy(self, name: str) -> ValidationPolicy:
        declared = self.config.models.get(name)
        if declared is None:
            return ValidationPolicy(limits=(), required_provenance=())
        return declared.validation_policy()

    def _measured(self, version: ModelVersion) -> Mapping[str, Mapping[str, float | None]]:
        with self.database.read() as connection:
            return measured(connection, version)


def _render_message(events: Sequence[Mapping[str, Any]], *, report_url: str, digest: bool) -> Any:
    """Imported when there is something to tell: it draws plots."""
    from governance.effects.notices.mail import render_message

    return render_message(events, report_url=report_url, digest=digest)
