"""The tables of drift: baselines, profiles, reports, detections, calibrations.

Profiles and references can be made again from their source; baselines and reports cannot.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from governance.store.schema import BIGINT, metadata
from governance.store.types import CanonicalJson, UtcDateTime, ascii_text

# What a version is watched against: edges, importance, training days. Found by its content; a
# manifest names the digest.
drift_baselines = Table(
    "drift_baselines",
    metadata,
    Column("sha256", ascii_text(64), primary_key=True),
    Column("data", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

# Which baseline a version keeps. The first one stays.
drift_version_baselines = Table(
    "drift_version_baselines",
    metadata,
    Column("version_id", ascii_text(12), primary_key=True),
    Column("sha256", ascii_text(64), ForeignKey("drift_baselines.sha256"), nullable=False),
    Column("origin", ascii_text(32), nullable=False),  # manifest, reference_data, first_reference
    Column("created_at", UtcDateTime, nullable=False),
)

# One row for each version and hour (48 h) or local day: the counts of all features, packed.
# Recording the same key again replaces it.
drift_profiles = Table(
    "drift_profiles",
    metadata,
    Column("version_id", ascii_text(12), nullable=False),
    Column("period", ascii_text(4), nullable=False),  # hour, day
    Column("start", UtcDateTime, nullable=False),
    Column("status", ascii_text(16), nullable=False),  # ok, empty, missing, corrupt, invalid
    Column("problem", Text, nullable=True),
    Column("rows", BIGINT, nullable=False),
    Column("fingerprint", Text, nullable=True),  # of the source's partition
    Column("hours", CanonicalJson, nullable=True),  # of a day: hour -> status and rows
    Column("digest", ascii_text(64), nullable=False),  # of the content
    Column("data", LargeBinary, nullable=True),
    PrimaryKeyConstraint("version_id", "period", "start"),
)

# Derived: the references of a version as last computed, found by the days they were made of.
drift_references = Table(
    "drift_references",
    metadata,
    Column("version_id", ascii_text(12), nullable=False),
    Column("kind", ascii_text(8), nullable=False),  # rolling, frozen
    Column("key", ascii_text(64), nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("version_id", "kind"),
)

# One row for each scan. Scanning the same moment again replaces it where the evidence changed.
model_drift_reports = Table(
    "model_drift_reports",
    metadata,
    Column("id", ascii_text(32), primary_key=True),
    Column("model_name", ascii_text(64), nullable=False),
    Column("version_id", ascii_text(12), nullable=False),
    Column("model_version", ascii_text(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("severity", ascii_text(16), nullable=False),
    Column("rows", BIGINT, nullable=False),
    Column("reasons", CanonicalJson, nullable=False),
    Column("reference", CanonicalJson, nullable=False),  # window, days, class, frozen, quarantined
    Column("policy", CanonicalJson, nullable=False),
    Column("evidence_digest", ascii_text(64), nullable=False),
    Column("episode", CanonicalJson, nullable=False),  # where the alarm rules stand after this look
    Column("incident_id", ascii_text(12), nullable=True),
    Column("revision", Integer, nullable=False),
    Column("passing", Boolean, nullable=False),  # its features' rows go after a while
    Column("recorded_at", UtcDateTime, nullable=False),
    UniqueConstraint("model_name", "version_id", "at"),
    Index("ix_model_drift_reports_version_id_at", "version_id", "at"),
    Index("ix_model_drift_reports_at", "at"),
    Index("ix_model_drift_reports_model_name_at", "model_name", "at"),
    Index(
        "ix_model_drift_reports_passing",
        "model_name",
        "at",
        sqlite_where=text("passing = 1"),
        postgresql_where=text("passing"),
    ),
)

model_drift_report_features = Table(
    "model_drift_report_features",
    metadata,
    Column("report_id", ascii_text(32), ForeignKey("model_drift_reports.id"), nullable=False),
    Column("feature", Text, nullable=False),
    Column("severity", ascii_text(16), nullable=False),
    Column("finding", ascii_text(32), nullable=False),
    Column("ks", Float(53), nullable=True),
    Column("psi", Float(53), nullable=True),
    Column("p_value", Float(53), nullable=True),
    Column("q_value", Float(53), nullable=True),
    Column("mean_shift", Float(53), nullable=True),
    Column("variance_ratio", Float(53), nullable=True),
    Column("missing_share", Float(53), nullable=True),
    Column("figures", CanonicalJson, nullable=False),  # all figures, also those above
    PrimaryKeyConstraint("report_id", "feature"),
)

# Drift alerts of single features: ad-hoc comparisons, and what a scan found when it raised alarm.
model_drift_detection = Table(
    "model_drift_detection",
    metadata,
    Column("id", BIGINT, primary_key=True, autoincrement=True),
    Column("model_name", ascii_text(64), nullable=False),
    Column("model_version", ascii_text(64), nullable=False),
    Column("version_id", ascii_text(12), nullable=False),
    Column("drift_type", ascii_text(16), nullable=False),  # data, prediction
    Column("origin", ascii_text(16), nullable=False),  # ad_hoc, scan
    Column("feature", Text, nullable=False),
    Column("method", ascii_text(32), nullable=False),
    Column("score", Float(53), nullable=True),
    Column("threshold", Float(53), nullable=False),
    Column("p_value", Float(53), nullable=True),
    Column("q_value", Float(53), nullable=True),
    Column("severity", ascii_text(16), nullable=False),
    Column("finding", ascii_text(32), nullable=False),
    Column("is_alert", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detected_at", UtcDateTime, nullable=False),
    Column("acknowledged_by", Text, nullable=True),
    Column("acknowledged_at", UtcDateTime, nullable=True),
    Index("ix_model_drift_detection_model_name_id", "model_name", "id"),
    Index("ix_model_drift_detection_version_id_id", "version_id", "id"),
)

# How often the alarm rules fired on reference days held against each other, beside the budget.
drift_calibrations = Table(
    "drift_calibrations",
    metadata,
    Column("model_name", ascii_text(64), nullable=False),
    Column("version_id", ascii_text(12), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("days", Integer, nullable=False),
    Column("features", Integer, nullable=False),
    Column("flagged_share", Float(53), nullable=True),  # of features, in a day without drift
    Column("alarm_days", Integer, nullable=False),
    Column("alarms_per_month", Float(53), nullable=True),
    Column("upper_bound", Float(53), nullable=True),  # 95 %
    Column("budget", Float(53), nullable=False),
    Column("verdict", ascii_text(16), nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("model_name", "version_id", "at"),
)
