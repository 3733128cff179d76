"""The tables of trials, approvals, policies and what follows from an activation."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from governance.store.schema import BIGINT, metadata
from governance.store.types import CanonicalJson, UtcDateTime, ascii_text

# One row for each trial of a challenger; a version has at most one running.
shadow_runs = Table(
    "shadow_runs",
    metadata,
    Column("id", BIGINT, primary_key=True, autoincrement=True),
    Column("model_name", ascii_text(64), nullable=False),
    Column("version_id", ascii_text(12), ForeignKey("model_registry.id"), nullable=False),
    Column("benchmark_id", ascii_text(12), nullable=True),  # the champion it is compared with
    Column("state", ascii_text(16), nullable=False),  # running, stopped, promoted
    Column("started_at", UtcDateTime, nullable=False),  # event time
    Column("started_by", Text, nullable=False),
    Column("ended_at", UtcDateTime, nullable=True),
    Column("ended_by", Text, nullable=True),
    Column("end_reason", Text, nullable=True),
    Column("recorded_at", UtcDateTime, nullable=False),
    CheckConstraint("state IN ('running', 'stopped', 'promoted')", name="state"),
    Index("ix_shadow_runs_model_name_state", "model_name", "state"),
    Index("ix_shadow_runs_benchmark_id", "benchmark_id"),
    Index(
        "uq_shadow_runs_running",
        "version_id",
        unique=True,
        sqlite_where=text("state = 'running'"),
        postgresql_where=text("state = 'running'"),
    ),
)

# What a version did in one session. The first record of a session stays; another one is a conflict.
shadow_sessions = Table(
    "shadow_sessions",
    metadata,
    Column("version_id", ascii_text(12), ForeignKey("model_registry.id"), nullable=False),
    Column("session_id", ascii_text(128), nullable=False),
    Column("model_name", ascii_text(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),  # event time of the session's end
    Column("stats", CanonicalJson, nullable=False),
    Column("digest", ascii_text(64), nullable=False),  # of stats and at
    Column("recorded_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("version_id", "session_id"),
    Index("ix_shadow_sessions_version_id_at", "version_id", "at"),
)

# A request to approve, bound to bytes, policy and generation. Answered once, used once.
approvals = Table(
    "approvals",
    metadata,
    Column("id", ascii_text(32), primary_key=True),
    Column("model_name", ascii_text(64), nullable=False),
    Column("version_id", ascii_text(12), ForeignKey("model_registry.id"), nullable=False),
    Column("purpose", ascii_text(16), nullable=False),  # promotion, force
    Column("digest", ascii_text(64), nullable=False),
    Column("policy_digest", ascii_text(64), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("state", ascii_text(16), nullable=False),  # pending, approved, rejected, used
    Column("requested_by", Text, nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("answered_by", Text, nullable=True),
    Column("answered_at", UtcDateTime, nullable=True),
    Column("comment", Text, nullable=True),
    Column("decision_id", ascii_text(32), nullable=True),
    CheckConstraint("state IN ('pending', 'approved', 'rejected', 'used')", name="state"),
    Index("ix_approvals_model_name_state", "model_name", "state"),
)

# Every valid policy file that was in force; the newest stands in for one that became unreadable.
policy_files = Table(
    "policy_files",
    metadata,
    Column("seq", BIGINT, primary_key=True, autoincrement=True),
    Column("digest", ascii_text(64), nullable=False),
    Column("content", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
)

# Document 004's status keys, for each model.
ops_status = Table(
    "ops_status",
    metadata,
    Column("model_name", ascii_text(64), nullable=False),
    Column("key", ascii_text(64), nullable=False),
    Column("value", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("model_name", "key"),
)

# What the weekly drill found: would a rollback of this model work, and how long would it take?
rollback_drills = Table(
    "rollback_drills",
    metadata,
    Column("model_name", ascii_text(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("target_id", ascii_text(12), nullable=True),
    Column("passed", Boolean, nullable=False),
    Column("duration_ms", Float(53), nullable=False),
    Column("code", ascii_text(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("model_name", "at"),
)
