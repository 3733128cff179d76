"""The tables of registry, evidence and history. Names that users know are document names.

The migrations create what stands here (a test compares them). One rule is enforced by the database
itself: at most one version of a model is in production (a partial unique index). The triggers
that make ``audit_log``, ``decisions`` and ``activations`` append-only live in the migrations.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from governance.store.types import CanonicalJson, UtcDateTime, ascii_text
from governance.values import Stage

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_STAGES = ", ".join(f"'{stage}'" for stage in Stage)
BIGINT = BigInteger().with_variant(Integer(), "sqlite")

# One row per model: the head that promotions compare and set.
governed_models = Table(
    "governed_models",
    metadata,
    Column("name", ascii_text(64), primary_key=True),
    Column("generation", Integer, nullable=False, server_default=text("0")),
    Column("created_at", UtcDateTime, nullable=False),
)

# One row per version. `manifest` is the provenance; `version_order` sorts as versions do.
model_registry = Table(
    "model_registry",
    metadata,
    Column("id", ascii_text(12), primary_key=True),
    Column("name", ascii_text(64), ForeignKey("governed_models.name"), nullable=False),
    Column("version", ascii_text(64), nullable=False),
    Column("version_order", ascii_text(1200), nullable=False),
    Column("stage", ascii_text(16), nullable=False),
    Column("model_type", Text, nullable=False),
    Column("kind", ascii_text(16), nullable=False),
    Column("digest", ascii_text(64), nullable=False),  # of the members; '' for a draft
    Column("provenance_digest", ascii_text(64), nullable=False),
    Column("artifact_path", Text, nullable=False),  # relative to home, posix; '' for a draft
    Column("format", ascii_text(32), nullable=False),
    Column("size_bytes", BIGINT, nullable=False),
    Column("description", Text, nullable=False, server_default=text("''")),
    Column("tags", CanonicalJson, nullable=False),
    Column("metrics", CanonicalJson, nullable=False),
    Column("metadata", CanonicalJson, nullable=False),
    Column("manifest", CanonicalJson, nullable=False),
    Column("feature_spec", CanonicalJson, nullable=True),
    Column("created_by", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),  # database time of the record
    Column("registered_at", UtcDateTime, nullable=False),  # effective time: the caller's `at`
    UniqueConstraint("name", "version"),
    CheckConstraint(f"stage IN ({_STAGES})", name="stage"),
    CheckConstraint(
        "stage IN ('draft', 'retired', 'failed') OR digest <> ''",  # a draft may be given up
        name="artifact",
    ),
    Index("ix_model_registry_name_version_order", "name", "version_order"),
    Index("ix_model_registry_name_digest", "name", "digest"),
    Index("ix_model_registry_stage_name_version_order", "stage", "name", "version_order"),
    Index(
        "uq_model_registry_production",
        "name",
        unique=True,
        sqlite_where=text("stage = 'production'"),
        postgresql_where=text("stage = 'production'"),
    ),
)

model_registry_tags = Table(
    "model_registry_tags",
    metadata,
    Column(
        "version_id",
        ascii_text(12),
        ForeignKey("model_registry.id", onupdate="CASCADE"),
        nullable=False,
    ),
    Column("tag", Text, nullable=False),
    PrimaryKeyConstraint("tag", "version_id"),
)

# The first value of (version, split, metric) stays; a different second one is a conflict.
model_validation_metrics = Table(
    "model_validation_metrics",
    metadata,
    Column("id", BIGINT, primary_key=True, autoincrement=True),
    Column(
        "version_id",
        ascii_text(12),
        ForeignKey("model_registry.id", onupdate="CASCADE"),
        nullable=False,
    ),
    Column("model_name", ascii_text(64), nullable=False),
    Column("model_version", ascii_text(64), nullable=False),
    Column("dataset_split", ascii_text(64), nullable=False),
    Column("metric_name", ascii_text(128), nullable=False),
    Column("metric_type", ascii_text(32), nullable=False),
    Column("metric_value", Float(53), nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint(
        "version_id", "dataset_split", "metric_name", name="uq_model_validation_metrics_key"
    ),
)

# Append-only (triggers). `hash` = SHA-256 over the previous hash and every other column.
audit_log = Table(
    "audit_log",
    metadata,
    Column("seq", BIGINT, primary_key=True, autoincrement=False),
    Column("recorded_at", ascii_text(27), nullable=False),  # text: the very bytes that are hashed
    Column("actor", Text, nullable=False),
    Column("action", ascii_text(64), nullable=False),
    Column("model_name", ascii_text(64), nullable=False),  # '' where no model is concerned
    Column("version_id", ascii_text(12), nullable=False),
    Column("details", Text, nullable=False),  # canonical JSON
    Column("previous_hash", ascii_text(64), nullable=False),
    Column("hash", ascii_text(64), nullable=False),
    Index("ix_audit_log_model_name_seq", "model_name", "seq"),
    Index("ix_audit_log_action_seq", "action", "seq"),
    Index("ix_audit_log_actor_seq", "actor", "seq"),
)

# Append-only. Every verdict that changed or refused something, with what it was made from.
decisions = Table(
    "decisions",
    metadata,
    Column("id", ascii_text(32), primary_key=True),
    Column("seq", BIGINT, nullable=False),  # of its audit entry: the order, whatever clocks say
    Column("operation", ascii_text(32), nullable=False),  # validation, promotion, ...
    Column("model_name", ascii_text(64), nullable=False),
    Column("version_id", ascii_text(12), nullable=False),
    Column("verdict", ascii_text(16), nullable=False),
    Column("eligible", Boolean, nullable=False),
    Column("forced", Boolean, nullable=False),
    Column("checks", CanonicalJson, nullable=False),
    Column("facts", CanonicalJson, nullable=False),  # what the gates were given
    Column("policy", CanonicalJson, nullable=False),  # the effective policy
    Column("policy_digest", ascii_text(64), nullable=False),
    Column("verdict_hash", ascii_text(64), nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("approved_by", Text, nullable=True),
    Column("reason", Text, nullable=True),
    Column("at", UtcDateTime, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("overridden", Boolean, nullable=False, server_default=false()),  # loosened on request
    Column("approval_id", ascii_text(32), nullable=True),
    UniqueConstraint("seq"),
    Index("ix_decisions_model_name_seq", "model_name", "seq"),
    Index("ix_decisions_version_id_operation_seq", "version_id", "operation", "seq"),
)

# Append-only. Generation orders; `effective_at` answers "live at T"; no id = nothing is live.
activations = Table(
    "activations",
    metadata,
    Column("model_name", ascii_text(64), ForeignKey("governed_models.name"), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("version_id", ascii_text(12), nullable=True),
    Column("decision_id", ascii_text(32), nullable=True),
    Column("operation", ascii_text(32), nullable=False),  # promotion, rollback, failover
    Column("forced", Boolean, nullable=False),
    Column("effective_at", UtcDateTime, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("model_name", "generation"),
    Index("ix_activations_version_id", "version_id"),
    Index("ix_activations_decision_id", "decision_id"),
)

# The answer that was given for a key; the same key with other arguments is a conflict.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("key", ascii_text(255), primary_key=True),
    Column("operation", ascii_text(64), nullable=False),
    Column("fingerprint", ascii_text(64), nullable=False),
    Column("response", CanonicalJson, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

# What a fresh interpreter said when it first parsed these bytes with these libraries.
load_verdicts = Table(
    "load_verdicts",
    metadata,
    Column("digest", ascii_text(64), nullable=False),
    Column("libraries", ascii_text(255), nullable=False),
    Column("loadable", Boolean, nullable=False),
    Column("code", ascii_text(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("duration_ms", Float(53), nullable=False),
    Column("probed_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("digest", "libraries"),
)
