"""0004: API tokens."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def _ascii(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _required(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    op.create_table(
        "api_tokens",
        _required("id", _ascii(12)),
        _required("name", sa.Text()),
        _required("role", _ascii(16)),
        _required("models", _ascii(64)),
        _required("secret_hash", _ascii(64)),
        _required("created_by", sa.Text()),
        _required("created_at", _TIME),
        sa.Column("expires_at", _TIME, nullable=True),
        sa.Column("revoked_by", sa.Text(), nullable=True),
        sa.Column("revoked_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_tokens"),
        sa.CheckConstraint(
            "role IN ('viewer', 'operator', 'approver', 'admin')", name="ck_api_tokens_role"
        ),
    )
