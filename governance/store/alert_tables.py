"""The tables of alerts: incidents, and the outbox of what is still to be told."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from governance.store.schema import BIGINT, metadata
from governance.store.types import CanonicalJson, UtcDateTime, ascii_text

# One row for each episode of alarm. At most one of a kind is open for a model.
incidents = Table(
    "incidents",
    metadata,
    Column("id", ascii_text(12), primary_key=True),
    Column("model_name", ascii_text(64), nullable=False),
    Column("version_id", ascii_text(12), nullable=False),
    Column("model_version", ascii_text(64), nullable=False),
    Column("kind", ascii_text(16), nullable=False),  # drift, data
    Column("state", ascii_text(16), nullable=False),  # open, closed
    Column("severity", ascii_text(16), nullable=False),  # the worst so far
    Column("rule", ascii_text(32), nullable=False),  # which rule stands for the severity
    Column("opened_at", UtcDateTime, nullable=False),  # event time
    Column("updated_at", UtcDateTime, nullable=False),
    # Of a closed one: nothing while an episode of the past has no known end.
    Column("closed_at", UtcDateTime, nullable=True),
    Column("closed_reason", Text, nullable=True),
    Column("features", CanonicalJson, nullable=False),  # names, the worst first
    Column("report_id", ascii_text(32), nullable=False),  # the latest
    Column("retrain_requested", Boolean, nullable=False),
    Column(
        "retrain_requested_at", UtcDateTime, nullable=True
    ),  # event time of the last look to ask
    Column("retrain_told_at", UtcDateTime, nullable=True),  # of the last request that was passed on
    Column("acknowledged_by", Text, nullable=True),
    Column("acknowledged_at", UtcDateTime, nullable=True),
    Column("snoozed_until", UtcDateTime, nullable=True),
    Column("recorded_at", UtcDateTime, nullable=False),
    CheckConstraint("state IN ('open', 'closed')", name="state"),
    Index("ix_incidents_model_name_opened_at", "model_name", "opened_at"),
    Index("ix_incidents_state_opened_at", "state", "opened_at"),
    Index(
        "uq_incidents_open",
        "model_name",
        "kind",
        unique=True,
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
)

# What is still to be told to whom, written with what it tells of. `event_key` makes it once.
alert_outbox = Table(
    "alert_outbox",
    metadata,
    Column("id", BIGINT, primary_key=True, autoincrement=True),
    Column("event_key", ascii_text(160), nullable=False),
    Column("channel", ascii_text(64), nullable=False),  # email, or webhook:NAME
    Column("incident_id", ascii_text(12), nullable=False),
    Column("model_name", ascii_text(64), nullable=False),
    Column("event", ascii_text(16), nullable=False),  # opened, updated, closed, reminder
    Column("payload", CanonicalJson, nullable=False),  # self-contained: all that a message says
    Column("state", ascii_text(16), nullable=False),  # pending, sent, dead, dropped
    Column("message_id", ascii_text(255), nullable=True),  # of the message it was put into
    Column("recipients", CanonicalJson, nullable=True),  # who is still to get it; null: all
    Column("attempts", Integer, nullable=False),
    Column("last_error", Text, nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Column("claimed_until", UtcDateTime, nullable=True),
    Column("sent_at", UtcDateTime, nullable=True),
    UniqueConstraint("event_key", "channel"),
    Index("ix_alert_outbox_state_next_attempt_at", "state", "next_attempt_at"),
    Index("ix_alert_outbox_incident_id", "incident_id"),
    Index("ix_alert_outbox_message_id", "message_id"),
    Index("ix_alert_outbox_channel_sent_at", "channel", "sent_at"),
)
