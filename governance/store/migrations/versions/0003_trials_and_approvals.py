"""0003: shadow trials, approvals, policies in force, ops_status, drills; overridden decisions."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_BIGINT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
_JSON = sa.Text()
_RUNNING = sa.text("state = 'running'")


def _ascii(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _required(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    op.add_column(
        "decisions",
        sa.Column("overridden", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("decisions", sa.Column("approval_id", _ascii(32), nullable=True))
    _create_trials()
    _create_approvals()
    _create_status()


def _create_trials() -> None:
    op.create_table(
        "shadow_runs",
        sa.Column("id", _BIGINT, nullable=False, autoincrement=True),
        _required("model_name", _ascii(64)),
        _required("version_id", _ascii(12)),
        sa.Column("benchmark_id", _ascii(12), nullable=True),
        _required("state", _ascii(16)),
        _required("started_at", _TIME),
        _required("started_by", sa.Text()),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        _required("recorded_at", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_shadow_runs"),
        sa.ForeignKeyConstraint(
            ["version_id"], ["model_registry.id"], name="fk_shadow_runs_version_id"
        ),
        sa.CheckConstraint(
            "state IN ('running', 'stopped', 'promoted')", name="ck_shadow_runs_state"
        ),
    )
    op.create_index("ix_shadow_runs_model_name_state", "shadow_runs", ["model_name", "state"])
    op.create_index("ix_shadow_runs_benchmark_id", "shadow_runs", ["benchmark_id"])
    op.create_index(
        "uq_shadow_runs_running",
        "shadow_runs",
        ["version_id"],
        unique=True,
        sqlite_where=_RUNNING,
        postgresql_where=_RUNNING,
    )
    op.create_table(
        "shadow_sessions",
        _required("version_id", _ascii(12)),
        _required("session_id", _ascii(128)),
        _required("model_name", _ascii(64)),
        _required("at", _TIME),
        _required("stats", _JSON),
        _required("digest", _ascii(64)),
        _required("recorded_at", _TIME),
        sa.PrimaryKeyConstraint("version_id", "session_id", name="pk_shadow_sessions"),
        sa.ForeignKeyConstraint(
            ["version_id"], ["model_registry.id"], name="fk_shadow_sessions_version_id"
        ),
    )
    op.create_index("ix_shadow_sessions_version_id_at", "shadow_sessions", ["version_id", "at"])


def _create_approvals() -> None:
    op.create_table(
        "approvals",
        _required("id", _ascii(32)),
        _required("model_name", _ascii(64)),
        _required("version_id", _ascii(12)),
        _required("purpose", _ascii(16)),
        _required("digest", _ascii(64)),
        _required("policy_digest", _ascii(64)),
        _required("generation", sa.Integer()),
        _required("state", _ascii(16)),
        _required("requested_by", sa.Text()),
        _required("requested_at", _TIME),
        _required("expires_at", _TIME),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.Column("answered_at", _TIME, nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("decision_id", _ascii(32), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_approvals"),
        sa.ForeignKeyConstraint(
            ["version_id"], ["model_registry.id"], name="fk_approvals_version_id"
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'approved', 'rejected', 'used')", name="ck_approvals_state"
        ),
    )
    op.create_index("ix_approvals_model_name_state", "approvals", ["model_name", "state"])
    op.create_table(
        "policy_files",
        sa.Column("seq", _BIGINT, nullable=False, autoincrement=True),
        _required("digest", _ascii(64)),
        _required("content", sa.Text()),
        _required("recorded_at", _TIME),
        sa.PrimaryKeyConstraint("seq", name="pk_policy_files"),
    )


def _create_status() -> None:
    op.create_table(
        "ops_status",
        _required("model_name", _ascii(64)),
        _required("key", _ascii(64)),
        _required("value", sa.Text()),
        _required("generation", sa.Integer()),
        _required("updated_at", _TIME),
        sa.PrimaryKeyConstraint("model_name", "key", name="pk_ops_status"),
    )
    op.create_table(
        "rollback_drills",
        _required("model_name", _ascii(64)),
        _required("at", _TIME),
        sa.Column("target_id", _ascii(12), nullable=True),
        _required("passed", sa.Boolean()),
        _required("duration_ms", sa.Float(53)),
        _required("code", _ascii(64)),
        _required("reason", sa.Text()),
        _required("recorded_at", _TIME),
        sa.PrimaryKeyConstraint("model_name", "at", name="pk_rollback_drills"),
    )
