"""The table of API tokens: who holds one, for what, until when. Never the secret itself."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Table, Text

from governance.store.schema import metadata
from governance.store.types import UtcDateTime, ascii_text

# Kept for ever: records name the token that a call came with.
api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", ascii_text(12), primary_key=True),  # a part of what the holder shows
    Column("name", Text, nullable=False),  # stands in records as `by`
    Column("role", ascii_text(16), nullable=False),
    Column("models", ascii_text(64), nullable=False),  # pattern of names
    Column("secret_hash", ascii_text(64), nullable=False),  # SHA-256, of 256 random bits
    Column("created_by", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=True),  # nothing: never
    Column("revoked_by", Text, nullable=True),
    Column("revoked_at", UtcDateTime, nullable=True),
    CheckConstraint("role IN ('viewer', 'operator', 'approver', 'admin')", name="role"),
)
