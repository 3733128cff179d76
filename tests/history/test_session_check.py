"""Sessions of trials that no longer say what the audit log says that was recorded."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from governance import Governance
from governance.errors import AuditChainError
from tests.evidence.shadow.test_testing import record, started

_ADDED = (
    "INSERT INTO shadow_sessions (version_id, session_id, model_name, at, stats, digest, "
    "recorded_at) SELECT {version}, 'day-9', model_name, at, stats, digest, recorded_at "
    "FROM shadow_sessions WHERE session_id = 'day-1'"
)


def _recorded(gov: Governance) -> int:
    """Two sessions of one version; the number of the entry of the second."""
    version = started(gov, 1)
    started(gov, 2)
    record(gov, version, 1, returns=[0.1, -1e-07], trade_count=3)
    record(gov, version, 2)
    with gov.database.read() as connection:
        query = "SELECT max(seq) FROM audit_log WHERE action = 'shadow.session'"
        return int(connection.execute(text(query)).scalar_one())


def test_sessions_as_they_were_recorded_agree_with_the_log(gov: Governance) -> None:
    _recorded(gov)
    assert gov.audit.verify()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("UPDATE shadow_sessions SET stats = '{\"trade_count\":99}' WHERE {it}", "figures"),
        ("UPDATE shadow_sessions SET at = '2013-02-03T22:00:00.000000Z' WHERE {it}", "time"),
        ("UPDATE shadow_sessions SET digest = 'x' WHERE {it}", "digest"),
        ("UPDATE shadow_sessions SET model_name = 'other' WHERE {it}", "model_name"),
        ("DELETE FROM shadow_sessions WHERE {it}", "is missing"),
        (_ADDED.replace("{version}", "version_id"), "no entry speaks of session 'day-9'"),
        (
            _ADDED.replace("{version}", "(SELECT max(id) FROM model_registry)"),
            "no entry speaks of session 'day-9'",
        ),
    ],
)
def test_a_session_that_was_edited_added_or_removed_is_found(
    sqlite_gov: Governance, change: str, what: str
) -> None:
    seq = _recorded(sqlite_gov)
    with sqlite_gov.database.begin() as tx:
        for trigger in tx.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")):
            tx.execute(text(f"DROP TRIGGER {trigger}"))
        statement = change.replace("{it}", "session_id = 'day-2'").replace(":", "\\:")
        assert tx.execute(text(statement)).rowcount == 1
    with pytest.raises(AuditChainError, match=what) as broken:
        sqlite_gov.audit.verify()
    assert broken.value.seq == (seq + 1 if "no entry" in what else seq)
