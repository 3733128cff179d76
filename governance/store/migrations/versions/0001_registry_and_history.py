"""0001: the registry, validation metrics, decisions and the append-only history.

Written out, not derived from ``governance.store.schema``: this file keeps its meaning when that
one moves on. Triggers protect history: UPDATE, DELETE and (PostgreSQL) TRUNCATE are refused.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None

_APPEND_ONLY = {
    "audit_log": ("seq",),
    "activations": ("model_name", "generation"),
    "decisions": ("id",),
}
_BIGINT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
_JSON = sa.Text()
_PRODUCTION = sa.text("stage = 'production'")
_STAGES = "'draft', 'trained', 'validated', 'staging', 'production', 'retired', 'failed'"


def _ascii(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _required(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    _create_registry()
    _create_evidence()
    _create_history()
    _create_operations()
    for table, key in _APPEND_ONLY.items():
        _protect(table, key)


def _create_registry() -> None:
    op.create_table(
        "governed_models",
        _required("name", _ascii(64)),
        sa.Column("generation", sa.Integer(), server_default=sa.text("0"), nullable=False),
        _required("created_at", _TIME),
        sa.PrimaryKeyConstraint("name", name="pk_governed_models"),
    )
    op.create_table(
        "model_registry",
        _required("id", _ascii(12)),
        _required("name", _ascii(64)),
        _required("version", _ascii(64)),
        _required("version_order", _ascii(1200)),
        _required("stage", _ascii(16)),
        _required("model_type", sa.Text()),
        _required("kind", _ascii(16)),
        _required("digest", _ascii(64)),
        _required("provenance_digest", _ascii(64)),
        _required("artifact_path", sa.Text()),
        _required("format", _ascii(32)),
        _required("size_bytes", _BIGINT),
        sa.Column("description", sa.Text(), server_default=sa.text("''"), nullable=False),
        _required("tags", _JSON),
        _required("metrics", _JSON),
        _required("metadata", _JSON),
        _required("manifest", _JSON),
        sa.Column("feature_spec", _JSON, nullable=True),
        _required("created_by", sa.Text()),
        _required("created_at", _TIME),
        _required("registered_at", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_model_registry"),
        sa.UniqueConstraint("name", "version", name="uq_model_registry_name_version"),
        sa.CheckConstraint(f"stage IN ({_STAGES})", name=op.f("ck_model_registry_stage")),
        sa.CheckConstraint(
            "stage IN ('draft', 'retired', 'failed') OR digest <> ''",
            name=op.f("ck_model_registry_artifact"),
        ),
        sa.ForeignKeyConstraint(["name"], ["governed_models.name"], name="fk_model_registry_name"),
    )
    op.create_index(
        "ix_model_registry_name_version_order", "model_registry", ["name", "version_order"]
    )
    op.create_index("ix_model_registry_name_digest", "model_registry", ["name", "digest"])
    op.create_index(
        "ix_model_registry_stage_name_version_order",
        "model_registry",
        ["stage", "name", "version_order"],
    )
    op.create_index(
        "uq_model_registry_production",
        "model_registry",
        ["name"],
        unique=True,
        sqlite_where=_PRODUCTION,
        postgresql_where=_PRODUCTION,
    )
    op.create_table(
        "model_registry_tags",
        _required("version_id", _ascii(12)),
        _required("tag", sa.Text()),
        sa.PrimaryKeyConstraint("tag", "version_id", name="pk_model_registry_tags"),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["model_registry.id"],
            name="fk_model_registry_tags_version_id",
            onupdate="CASCADE",
        ),
    )


def _create_evidence() -> None:
    op.create_table(
        "model_validation_metrics",
        sa.Column("id", _BIGINT, autoincrement=True, nullable=False),
        _required("version_id", _ascii(12)),
        _required("model_name", _ascii(64)),
        _required("model_version", _ascii(64)),
        _required("dataset_split", _ascii(64)),
        _required("metric_name", _ascii(128)),
        _required("metric_type", _ascii(32)),
        _required("metric_value", sa.Float(53)),
        _required("recorded_by", sa.Text()),
        _required("recorded_at", _TIME),
        _required("at", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_model_validation_metrics"),
        sa.UniqueConstraint(
            "version_id",
            "dataset_split",
            "metric_name",
            name="uq_model_validation_metrics_key",
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["model_registry.id"],
            name="fk_model_validation_metrics_version_id",
            onupdate="CASCADE",
        ),
    )
    op.create_table(
        "load_verdicts",
        _required("digest", _ascii(64)),
        _required("libraries", _ascii(255)),
        _required("loadable", sa.Boolean()),
        _required("code", _ascii(64)),
        _required("reason", sa.Text()),
        _required("duration_ms", sa.Float(53)),
        _required("probed_at", _TIME),
        sa.PrimaryKeyConstraint("digest", "libraries", name="pk_load_verdicts"),
    )


def _create_history() -> None:
    op.create_table(
        "audit_log",
        sa.Column("seq", _BIGINT, autoincrement=False, nullable=False),
        _required("recorded_at", _ascii(27)),
        _required("actor", sa.Text()),
        _required("action", _ascii(64)),
        _required("model_name", _ascii(64)),
        _required("version_id", _ascii(12)),
        _required("details", sa.Text()),
        _required("previous_hash", _ascii(64)),
        _required("hash", _ascii(64)),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_log"),
    )
    op.create_index("ix_audit_log_model_name_seq", "audit_log", ["model_name", "seq"])
    op.create_index("ix_audit_log_action_seq", "audit_log", ["action", "seq"])
    op.create_table(
        "decisions",
        _required("id", _ascii(32)),
        _required("seq", _BIGINT),
        _required("operation", _ascii(32)),
        _required("model_name", _ascii(64)),
        _required("version_id", _ascii(12)),
        _required("verdict", _ascii(16)),
        _required("eligible", sa.Boolean()),
        _required("forced", sa.Boolean()),
        _required("checks", _JSON),
        _required("facts", _JSON),
        _required("policy", _JSON),
        _required("policy_digest", _ascii(64)),
        _required("verdict_hash", _ascii(64)),
        _required("decided_by", sa.Text()),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        _required("at", _TIME),
        _required("recorded_at", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
        sa.UniqueConstraint("seq", name="uq_decisions_seq"),
    )
    op.create_index("ix_decisions_model_name_seq", "decisions", ["model_name", "seq"])
    op.create_index(
        "ix_decisions_version_id_operation_seq", "decisions", ["version_id", "operation", "seq"]
    )
    op.create_table(
        "activations",
        _required("model_name", _ascii(64)),
        _required("generation", sa.Integer()),
        sa.Column("version_id", _ascii(12), nullable=True),
        sa.Column("decision_id", _ascii(32), nullable=True),
        _required("operation", _ascii(32)),
        _required("forced", sa.Boolean()),
        _required("effective_at", _TIME),
        _required("recorded_at", _TIME),
        sa.PrimaryKeyConstraint("model_name", "generation", name="pk_activations"),
        sa.ForeignKeyConstraint(
            ["model_name"], ["governed_models.name"], name="fk_activations_model_name"
        ),
    )
    op.create_index("ix_activations_version_id", "activations", ["version_id"])


def _create_operations() -> None:
    op.create_table(
        "idempotency_keys",
        _required("key", _ascii(255)),
        _required("operation", _ascii(64)),
        _required("fingerprint", _ascii(64)),
        _required("response", _JSON),
        _required("created_at", _TIME),
        sa.PrimaryKeyConstraint("key", name="pk_idempotency_keys"),
    )


def _protect(table: str, key: tuple[str, ...]) -> None:
    """Refuse changes of what is written; SQLite's REPLACE deletes silently, hence one more."""
    if op.get_bind().dialect.name == "sqlite":
        same_key = " AND ".join(f"{column} = NEW.{column}" for column in key)
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} BEGIN "
                f"SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        taken = f"SELECT 1 FROM {table} WHERE {same_key}"  # noqa: S608 - constants
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN EXISTS ({taken}) "
            f"BEGIN SELECT RAISE(ABORT, '{table} already has this key'); END"
        )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION governance_append_only() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME "
        "USING ERRCODE = 'GV001', TABLE = TG_TABLE_NAME; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION governance_append_only()"
    )
