"""0006: what one person did, and what a decision led to, is found without reading everything."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_index("ix_audit_log_actor_seq", "audit_log", ["actor", "seq"])
    op.create_index("ix_activations_decision_id", "activations", ["decision_id"])
