"""0006: what one person did is found without reading the whole audit log."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"

_INDEX, _TABLE = "ix_audit_log_actor_seq", "audit_log"


def upgrade() -> None:
    op.create_index(_INDEX, _TABLE, ["actor", "seq"])
