"""0005: reports of a model by time are found without a sort."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

_INDEX, _TABLE = "ix_model_drift_reports_model_name_at", "model_drift_reports"


def upgrade() -> None:
    op.create_index(_INDEX, _TABLE, ["model_name", "at"])
