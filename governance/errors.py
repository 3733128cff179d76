"""Every error this package raises on purpose, as one tree.

Each class carries a stable ``code`` (programs match on it), the HTTP ``status`` an API answers
with and the ``exit_code`` of the command line. The message says what is wrong and what to do;
the technical cause stays in ``__cause__``. Codes are a contract: they are added, never renamed.

This module does not promise that nothing else escapes: a programming mistake stays a
``TypeError``; a broken environment is translated where it is met (``governance.store``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class GovernanceError(Exception):
    """The root: ``except GovernanceError`` catches all that the product refuses on purpose.

    >>> NotFoundError("no model 'x'; `governance registry list` shows the names").code
    'not_found'
    """

    code: ClassVar[str] = "governance_error"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    @property
    def message(self) -> str:
        return str(self.args[0]) if self.args else self.__class__.__name__


# -- what the caller gave -------------------------------------------------------------------------


class InvalidInputError(GovernanceError, ValueError):
    """A value that can never be right: a name with ``../``, a naive datetime, a NaN metric."""

    code, status, exit_code = "invalid_input", 422, 2


class InvalidNameError(InvalidInputError):
    """A model name that is not 1-64 of ``a-z 0-9 _ -``, a letter or digit at both ends."""

    code = "invalid_name"


class InvalidVersionError(InvalidInputError):
    """Text that is no semantic version (``1.2.3``, ``2.0.0-rc.1``)."""

    code = "invalid_version"


class NaiveDatetimeError(InvalidInputError):
    """A time without a time zone; it could mean any of them."""

    code = "naive_datetime"


class InvalidEvidenceError(InvalidInputError):
    """A measured value that is not finite, or shapes that do not fit each other."""

    code = "invalid_evidence"


class BacktestWindowError(InvalidInputError):
    """A window of the past in which nothing can be evaluated; the message says which one can."""

    code = "backtest_window"


class SecretInMetadataError(InvalidInputError):
    """Metadata that looks like a credential; the message never repeats it."""

    code = "secret_in_metadata"


class ReasonRequiredError(InvalidInputError):
    """A force, a loosened policy, an answer or a withdrawal without a reason that can be seen."""

    code = "reason_required"


class ConfigError(InvalidInputError):
    """A configuration file that cannot be taken; the message has file, line and column."""

    code = "config_invalid"


class SettingsError(InvalidInputError):
    """A ``GOVERNANCE_*`` variable that cannot be taken."""

    code = "settings_invalid"


class TooLargeError(InvalidInputError):
    """More bytes or rows than one request may bring; the message names the limit."""

    code, status = "too_large", 413


class UnsupportedMediaTypeError(InvalidInputError):
    """A body of a content type that is not read here; the message names those that are."""

    code, status = "unsupported_media_type", 415


class SlowRequestError(InvalidInputError):
    """A body that did not arrive within its time."""

    code, status = "slow_request", 408


class NotFoundError(GovernanceError, LookupError):
    """A reference of the right form, and nothing is registered there (or no artifact yet)."""

    code, status = "not_found", 404


class NoProductionVersionError(NotFoundError):
    """``name@production`` while nothing of that model is in production."""

    code = "no_production_version"


# -- conflicts with what is -----------------------------------------------------------------------


class ConflictError(GovernanceError):
    """The call is right, and what is stored or was done meanwhile stands against it."""

    code, status, exit_code = "conflict", 409, 3


class VersionExistsError(ConflictError):
    """The version number is taken by other bytes; versions are immutable."""

    code = "version_exists"


class ForeignDatabaseError(ConflictError):
    """The database holds tables of another product, or of nobody known; ours need their own."""

    code, status = "foreign_database", 503


class IllegalTransitionError(ConflictError):
    """A stage change outside the lifecycle; the message names the allowed ones."""

    code = "illegal_transition"


class UsePromotionError(ConflictError):
    """Entering or leaving production goes through ``gov.promotion`` alone."""

    code = "use_promotion"


class StaleGenerationError(ConflictError):
    """Somebody else activated first; carries where the model stands now."""

    code = "stale_generation"

    def __init__(self, message: str, *, generation: int, version: str | None = None) -> None:
        super().__init__(message)
        self.generation = generation
        self.version = version


class NothingToRollBackError(ConflictError):
    """No earlier version may take over by itself; the message says why each was passed over."""

    code = "nothing_to_roll_back"


class IdempotencyConflictError(ConflictError):
    """The same key with other arguments."""

    code = "idempotency_conflict"


class MetricConflictError(ConflictError):
    """A second, different value for a metric already recorded; the first is kept."""

    code = "metric_conflict"


class FeatureGraphMismatchError(ConflictError):
    """The features at load are not those that the version was trained with."""

    code = "feature_graph_mismatch"


class DatasetMismatchError(ConflictError, ValueError):
    """The text contains "Dataset hash mismatch", as document 000 has it."""

    code = "dataset_mismatch"


class GateFailedError(ConflictError):
    """A refused promotion; ``decision`` is the stored record with every check."""

    code = "gate_failed"

    def __init__(self, message: str, *, decision: object = None) -> None:
        super().__init__(message)
        self.decision = decision


class ApprovalRequiredError(ConflictError):
    """A request asks less than the policy does, and nobody is named who approved it."""

    code = "approval_required"


class ApprovalNotUsableError(ConflictError):
    """An approval that is pending, rejected, used, expired or bound to something else."""

    code = "approval_not_usable"


class InsufficientEvidenceError(GovernanceError):
    """A verdict needs evidence that is not there; never read as "fine"."""

    code, status, exit_code = "insufficient_evidence", 409, 4


# -- data and training ----------------------------------------------------------------------------


class DataQualityError(GovernanceError):
    """Training data that must not be trained on; carries every finding, not the first."""

    code, status, exit_code = "data_quality", 422, 1


class DataSourceError(GovernanceError):
    """A data source that cannot be read or gives no rows; says where it looked."""

    code, status, exit_code = "data_source", 422, 1


class DriftDisabledError(ConflictError):
    """Drift detection is switched off in this installation, or for a model that declares none."""

    code = "drift_disabled"


class DriftScanError(GovernanceError):
    """Some models of a shard could not be scanned; the others were, and are recorded.

    ``reports`` are those of the others, ``failures`` the errors by model.
    """

    code, status, exit_code = "drift_scan_failed", 500, 1

    def __init__(
        self,
        message: str,
        *,
        reports: Sequence[Any] = (),
        failures: Mapping[str, Exception] | None = None,
    ) -> None:
        super().__init__(message)
        self.reports = tuple(reports)
        self.failures = dict(failures or {})


class DatasetUnavailableError(GovernanceError):
    """A dataset path with nothing there, or with nothing that can be read as a dataset."""

    code, status, exit_code = "dataset_unavailable", 409, 5


class TrainingError(GovernanceError):
    """A trainer that returned what it must not, or raised; the cause is attached."""

    code, status, exit_code = "training_failed", 422, 1


class FeatureGraphError(InvalidInputError):
    """Feature definitions that form no DAG: a cycle, an unknown or duplicate name."""

    code = "feature_graph_invalid"


# -- integrity ------------------------------------------------------------------------------------


class IntegrityError(GovernanceError):
    """Something stored is not what was written: restore it before going on."""

    code, status, exit_code = "integrity", 409, 5


class ArtifactIntegrityError(IntegrityError):
    """Bytes on disk are not the bytes registered."""

    code = "artifact_integrity"


class ArtifactMissingError(ArtifactIntegrityError):
    """The folder or the members of a registered artifact are gone."""

    code = "artifact_missing"


class AuditChainError(IntegrityError):
    """The audit log was changed; ``seq`` is the first bad entry."""

    code = "audit_chain"

    def __init__(self, message: str, *, seq: int) -> None:
        super().__init__(message)
        self.seq = seq


class CheckpointError(IntegrityError):
    """An audit checkpoint that is malformed or not signed by the pinned key."""

    code = "checkpoint_invalid"


class ReplayMismatchError(IntegrityError):
    """A stored decision whose frozen facts and policy do not give its verdict again."""

    code = "replay_mismatch"


class ArtifactUnloadableError(GovernanceError):
    """The bytes are the registered ones, and parsing them failed in the probe."""

    code, status, exit_code = "artifact_unloadable", 422, 5


class UnsafeFormatError(GovernanceError):
    """A format that can run code when parsed (pickle, joblib) and is not allowed here."""

    code, status, exit_code = "unsafe_format", 422, 5


# -- rights and environment -----------------------------------------------------------------------


class UnauthenticatedError(GovernanceError):
    """Nobody known asks: no token, or one that is unknown, expired or revoked."""

    code, status, exit_code = "unauthenticated", 401, 6


class ForbiddenError(GovernanceError):
    """What this person may not do, or nobody: a change of append-only history."""

    code, status, exit_code = "forbidden", 403, 6


class ApproverNotAllowedError(ForbiddenError):
    """A person who may not approve: who made the version, or one that the policy does not name."""

    code = "approver_not_allowed"


class RateLimitedError(GovernanceError):
    """One caller asks too often; the same call may be repeated a moment later."""

    code, status, exit_code = "rate_limited", 429, 7


class UnavailableError(GovernanceError):
    """Something outside does not answer now; the same call may be repeated later."""

    code, status, exit_code = "unavailable", 503, 7


class DatabaseUnavailableError(UnavailableError):
    """No connection, a restart, or a lock held too long: the same call may be repeated."""

    code = "database_unavailable"


class SchemaOutdatedError(UnavailableError):
    """The database's schema is older or newer than this program needs."""

    code = "schema_outdated"


class StorageUnavailableError(UnavailableError):
    """A folder or file that cannot be read or written here: rights, a read-only or failing disk."""

    code = "storage_unavailable"


class DeliveryError(UnavailableError):
    """A message was not taken by the mail server or webhook; it stays in the outbox."""

    code = "delivery_failed"


class LiveDataError(UnavailableError):
    """A model's live data cannot be reached or read at all (a single bad hour is a finding)."""

    code = "live_data"


class ProbeUnavailableError(UnavailableError):
    """The probe itself could not run (no process, no library): says nothing about the artifact."""

    code = "probe_unavailable"


class StorageFullError(GovernanceError):
    """No space left; nothing was changed."""

    code, status, exit_code = "storage_full", 507, 7
