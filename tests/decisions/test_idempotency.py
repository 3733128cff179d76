"""The answer that a key stands for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from governance.decisions.idempotency import remember, replay_of
from governance.errors import ConflictError, IdempotencyConflictError, InvalidInputError
from governance.store.database import Database

AT = datetime(2018, 1, 2, tzinfo=UTC)
SAME, OTHER = "a" * 64, "b" * 64


def test_a_key_stands_for_its_first_answer(database: Database) -> None:
    with database.begin() as tx:
        assert replay_of(tx, "k", "promotion", SAME) is None
        remember(tx, "k", "promotion", SAME, {"decision": "1"}, at=AT)
    with database.read() as connection:
        assert replay_of(connection, "k", "promotion", SAME) == {"decision": "1"}
        assert replay_of(connection, "K", "promotion", SAME) is None, "case counts"


@pytest.mark.parametrize(("operation", "fingerprint"), [("promotion", OTHER), ("rollback", SAME)])
def test_another_call_with_the_key_is_a_conflict(
    database: Database, operation: str, fingerprint: str
) -> None:
    with database.begin() as tx:
        remember(tx, "k", "promotion", SAME, {}, at=AT)
    with database.read() as connection, pytest.raises(IdempotencyConflictError, match="new key"):
        replay_of(connection, "k", operation, fingerprint)


def test_a_key_is_bound_once(database: Database) -> None:
    with database.begin() as tx:
        remember(tx, "k", "promotion", SAME, {"n": 1}, at=AT)
    with pytest.raises(ConflictError), database.begin() as tx:
        remember(tx, "k", "promotion", SAME, {"n": 2}, at=AT)
    with database.read() as connection:
        assert replay_of(connection, "k", "promotion", SAME) == {"n": 1}


def test_a_rolled_back_call_leaves_its_key_free(database: Database) -> None:
    with pytest.raises(RuntimeError), database.begin() as tx:
        remember(tx, "k", "promotion", SAME, {}, at=AT)
        raise RuntimeError
    with database.read() as connection:
        assert replay_of(connection, "k", "promotion", SAME) is None


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "a\n", "x" * 256, "a\x00", 7])
def test_a_key_is_1_to_255_printable_ascii_characters(
    sqlite_database: Database, key: object
) -> None:
    with sqlite_database.read() as connection, pytest.raises(InvalidInputError, match="255"):
        replay_of(connection, key, "promotion", SAME)  # type: ignore[arg-type]  # wrong on purpose
