"""The answer that a key stands for: the same call again gives it, another call is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select
from sqlalchemy.engine import Connection

from governance.errors import IdempotencyConflictError, InvalidInputError
from governance.store.schema import idempotency_keys

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_FIND = select(idempotency_keys).where(idempotency_keys.c.key == bindparam("asked"))
_INSERT = insert(idempotency_keys)


def is_known(connection: Connection, key: str) -> bool:
    """Was a call made under this key, whatever it was?"""
    asked = select(idempotency_keys.c.key).where(idempotency_keys.c.key == key)
    return connection.execute(asked).first() is not None


def replay_of(
    connection: Connection, key: str, operation: str, fingerprint: str
) -> dict[str, Any] | None:
    """The stored answer, or `None` for a new key.

    Raises:
        IdempotencyConflictError: the key was used with other arguments.
    """
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise InvalidInputError("an idempotency key is 1 to 255 printable ASCII characters")
    row = connection.execute(_FIND, {"asked": key}).one_or_none()
    if row is None:
        return None
    if (row.operation, row.fingerprint) != (operation, fingerprint):
        raise IdempotencyConflictError(
            "this idempotency key was used for another call; take a new key for new arguments"
        )
    return dict(row.response)


def remember(
    tx: Connection,
    key: str,
    operation: str,
    fingerprint: str,
    response: Mapping[str, Any],
    *,
    at: datetime,
) -> None:
    """Bind the key to its answer, in the transaction of what was done."""
    tx.execute(
        _INSERT,
        {
            "key": key,
            "operation": operation,
            "fingerprint": fingerprint,
            "response": response,
            "created_at": at,
        },
    )
