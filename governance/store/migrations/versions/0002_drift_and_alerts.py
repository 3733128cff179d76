"""0002: drift (baselines, profiles, reports, detections, calibrations), incidents, the outbox."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_BIGINT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
_JSON = sa.Text()
_OPEN = sa.text("state = 'open'")


def _ascii(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _required(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    _create_profiles()
    _create_reports()
    _create_alerts()


def _create_profiles() -> None:
    op.create_table(
        "drift_baselines",
        _required("sha256", _ascii(64)),
        _required("data", sa.LargeBinary()),
        _required("created_at", _TIME),
        sa.PrimaryKeyConstraint("sha256", name="pk_drift_baselines"),
    )
    op.create_table(
        "drift_version_baselines",
        _required("version_id", _ascii(12)),
        _required("sha256", _ascii(64)),
        _required("origin", _ascii(32)),
        _required("created_at", _TIME),
        sa.PrimaryKeyConstraint("version_id", name="pk_drift_version_baselines"),
        sa.ForeignKeyConstraint(
            ["sha256"], ["drift_baselines.sha256"], name="fk_drift_version_baselines_sha256"
        ),
    )
    op.create_table(
        "drift_profiles",
        _required("version_id", _ascii(12)),
        _required("period", _ascii(4)),
        _required("start", _TIME),
        _required("status", _ascii(16)),
        sa.Column("problem", sa.Text(), nullable=True),
        _required("rows", _BIGINT),
        sa.Column("fingerprint", sa.Text(), nullable=True),
        sa.Column("hours", _JSON, nullable=True),
        _required("digest", _ascii(64)),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("version_id", "period", "start", name="pk_drift_profiles"),
    )
    op.create_table(
        "drift_references",
        _required("version_id", _ascii(12)),
        _required("kind", _ascii(8)),
        _required("key", _ascii(64)),
        _required("data", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("version_id", "kind", name="pk_drift_references"),
    )


def _create_reports() -> None:
    op.create_table(
        "model_drift_reports",
        _required("id", _ascii(32)),
        _required("model_name", _ascii(64)),
        _required("version_id", _ascii(12)),
        _required("model_version", _ascii(64)),
        _required("at", _TIME),
        _required("severity", _ascii(16)),
        _required("rows", _BIGINT),
        _required("reasons", _JSON),
        _required("reference", _JSON),
        _required("policy", _JSON),
        _required("evidence_digest", _ascii(64)),
        _required("episode", _JSON),
        sa.Column("incident_id", _ascii(12), nullable=True),
        _required("revision", sa.Integer()),
        _required("passing", sa.Boolean()),
        _required("recorded_at", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_model_drift_reports"),
        sa.UniqueConstraint(
            "model_name", "version_id", "at", name="uq_model_drift_reports_model_name_version_id_at"
        ),
    )
    op.create_index("ix_model_drift_reports_at", "model_drift_reports", ["at"])
    op.create_index(
        "ix_model_drift_reports_passing",
        "model_drift_reports",
        ["model_name", "at"],
        sqlite_where=sa.text("passing = 1"),
        postgresql_where=sa.text("passing"),
    )
    op.create_index(
        "ix_model_drift_reports_version_id_at", "model_drift_reports", ["version_id", "at"]
    )
    op.create_table(
        "model_drift_report_features",
        _required("report_id", _ascii(32)),
        _required("feature", sa.Text()),
        _required("severity", _ascii(16)),
        _required("finding", _ascii(32)),
        sa.Column("ks", sa.Float(53), nullable=True),
        sa.Column("psi", sa.Float(53), nullable=True),
        sa.Column("p_value", sa.Float(53), nullable=True),
        sa.Column("q_value", sa.Float(53), nullable=True),
        sa.Column("mean_shift", sa.Float(53), nullable=True),
        sa.Column("variance_ratio", sa.Float(53), nullable=True),
        sa.Column("missing_share", sa.Float(53), nullable=True),
        _required("figures", _JSON),
        sa.PrimaryKeyConstraint("report_id", "feature", name="pk_model_drift_report_features"),
        sa.ForeignKeyConstraint(
            ["report_id"],
            ["model_drift_reports.id"],
            name="fk_model_drift_report_features_report_id",
        ),
    )
    op.create_table(
        "model_drift_detection",
        sa.Column("id", _BIGINT, nullable=False, autoincrement=True),
        _required("model_name", _ascii(64)),
        _required("model_version", _ascii(64)),
        _required("version_id", _ascii(12)),
        _required("drift_type", _ascii(16)),
        _required("origin", _ascii(16)),
        _required("feature", sa.Text()),
        _required("method", _ascii(32)),
        sa.Column("score", sa.Float(53), nullable=True),
        _required("threshold", sa.Float(53)),
        sa.Column("p_value", sa.Float(53), nullable=True),
        sa.Column("q_value", sa.Float(53), nullable=True),
        _required("severity", _ascii(16)),
        _required("finding", _ascii(32)),
        _required("is_alert", sa.Boolean()),
        _required("reason", sa.Text()),
        _required("detected_at", _TIME),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("acknowledged_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_model_drift_detection"),
    )
    op.create_index(
        "ix_model_drift_detection_model_name_id", "model_drift_detection", ["model_name", "id"]
    )
    op.create_index(
        "ix_model_drift_detection_version_id_id", "model_drift_detection", ["version_id", "id"]
    )
    op.create_table(
        "drift_calibrations",
        _required("model_name", _ascii(64)),
        _required("version_id", _ascii(12)),
        _required("at", _TIME),
        _required("days", sa.Integer()),
        _required("features", sa.Integer()),
        sa.Column("flagged_share", sa.Float(53), nullable=True),
        _required("alarm_days", sa.Integer()),
        sa.Column("alarms_per_month", sa.Float(53), nullable=True),
        sa.Column("upper_bound", sa.Float(53), nullable=True),
        _required("budget", sa.Float(53)),
        _required("verdict", _ascii(16)),
        _required("recorded_at", _TIME),
        sa.PrimaryKeyConstraint("model_name", "version_id", "at", name="pk_drift_calibrations"),
    )


def _create_alerts() -> None:
    op.create_table(
        "incidents",
        _required("id", _ascii(12)),
        _required("model_name", _ascii(64)),
        _required("version_id", _ascii(12)),
        _required("model_version", _ascii(64)),
        _required("kind", _ascii(16)),
        _required("state", _ascii(16)),
        _required("severity", _ascii(16)),
        _required("rule", _ascii(32)),
        _required("opened_at", _TIME),
        _required("updated_at", _TIME),
        sa.Column("closed_at", _TIME, nullable=True),
        sa.Column("closed_reason", sa.Text(), nullable=True),
        _required("features", _JSON),
        _required("report_id", _ascii(32)),
        _required("retrain_requested", sa.Boolean()),
        sa.Column("retrain_requested_at", _TIME, nullable=True),
        sa.Column("retrain_told_at", _TIME, nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("acknowledged_at", _TIME, nullable=True),
        sa.Column("snoozed_until", _TIME, nullable=True),
        _required("recorded_at", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
        sa.CheckConstraint("state IN ('open', 'closed')", name="ck_incidents_state"),
    )
    op.create_index("ix_incidents_model_name_opened_at", "incidents", ["model_name", "opened_at"])
    op.create_index("ix_incidents_state_opened_at", "incidents", ["state", "opened_at"])
    op.create_index(
        "uq_incidents_open",
        "incidents",
        ["model_name", "kind"],
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_table(
        "alert_outbox",
        sa.Column("id", _BIGINT, nullable=False, autoincrement=True),
        _required("event_key", _ascii(160)),
        _required("channel", _ascii(64)),
        _required("incident_id", _ascii(12)),
        _required("model_name", _ascii(64)),
        _required("event", _ascii(16)),
        _required("payload", _JSON),
        _required("state", _ascii(16)),
        sa.Column("message_id", _ascii(255), nullable=True),
        sa.Column("recipients", _JSON, nullable=True),
        _required("attempts", sa.Integer()),
        sa.Column("last_error", sa.Text(), nullable=True),
        _required("created_at", _TIME),
        _required("next_attempt_at", _TIME),
        sa.Column("claimed_until", _TIME, nullable=True),
        sa.Column("sent_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_alert_outbox"),
        sa.UniqueConstraint("event_key", "channel", name="uq_alert_outbox_event_key_channel"),
    )
    op.create_index("ix_alert_outbox_channel_sent_at", "alert_outbox", ["channel", "sent_at"])
    op.create_index("ix_alert_outbox_incident_id", "alert_outbox", ["incident_id"])
    op.create_index("ix_alert_outbox_message_id", "alert_outbox", ["message_id"])
    op.create_index(
        "ix_alert_outbox_state_next_attempt_at", "alert_outbox", ["state", "next_attempt_at"]
    )
