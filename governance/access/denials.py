"""What was refused to whom, in the audit log: ``access.denied``.

The log is for ever, so nobody may fill it by being refused: the same refusal stands there once a
minute, one identity has ``PER_IDENTITY`` entries a minute, and all together ``TOGETHER``. What is
more is refused just the same, and leaves no entry.

Not promised: that every refusal is on record, or that one is where the database cannot be written.
The refusal itself never waits for its record to succeed.
"""

from __future__ import annotations

import json
import logging
from datetime import timedelta

from sqlalchemy import Connection, select, text

from governance.errors import GovernanceError, InvalidInputError
from governance.history.audit import append_entry
from governance.registry import attachments
from governance.store.database import Database, database_time
from governance.store.schema import audit_log
from governance.values import check_model_name, iso

log = logging.getLogger(__name__)

ACTION = "access.denied"
NOBODY = "anonymous"  # who has shown no identity, or one that cannot stand in a record
WINDOW = timedelta(minutes=1)
PER_IDENTITY = 30
TOGETHER = 300

_LOCK = text("SELECT pg_advisory_xact_lock(:key)").bindparams(key=0x676F765F64656E)  # "gov_den"
_row = audit_log.c
_LATEST = (
    select(_row.recorded_at, _row.actor, _row.model_name, _row.details)
    .where(_row.action == ACTION)
    .order_by(_row.seq.desc())
    .limit(TOGETHER)
)


def record_denial(
    database: Database, identity_name: str | None, action: str, model: str | None, reason: str
) -> bool:
    """Put a refusal on record, unless it is there already; was an entry written?

    Args:
        identity_name: ``None`` for somebody who is not known.
        action: of the table of rights, or what else was tried.
        model: any text that stood where a name belongs; one that is none is left out.
        reason: as the caller was told; a text with a credential in it is withheld.
    """
    actor = _actor(identity_name)
    right, why = _kept(action, limit=64), _kept(reason, limit=500)
    concerned = _model(model)
    try:
        with database.read() as connection:
            if not _is_news(connection, actor, right, concerned):
                log.debug("refused, not recorded again: %s, %s on %r", actor, right, concerned)
                return False
        with database.begin() as tx:
            if tx.dialect.name == "postgresql":  # SQLite has one writer at a time
                tx.execute(_LOCK)
            if not _is_news(tx, actor, right, concerned):  # somebody else was first
                return False
            details = {"right": right, "reason": why}
            append_entry(tx, actor=actor, action=ACTION, model=concerned, details=details)
        return True
    except GovernanceError as error:
        log.warning("refused, and not on record: %s, %s on %r: %s", actor, right, concerned, error)
        return False


def _is_news(connection: Connection, actor: str, right: str, model: str) -> bool:
    since = iso(database_time(connection) - WINDOW)
    seen, own = 0, 0
    for entry in connection.execute(_LATEST):
        if entry.recorded_at <= since:
            break
        seen += 1
        if entry.actor != actor:
            continue
        own += 1
        if entry.model_name == model and _right_of(entry.details) == right:
            return False
    return own < PER_IDENTITY and seen < TOGETHER


def _right_of(details: str) -> object:
    try:
        return json.loads(details)["right"]
    except (ValueError, LookupError, TypeError):  # `governance audit verify` finds it
        return None


def _actor(name: str | None) -> str:
    try:
        return attachments.check_person(name, what="user")
    except InvalidInputError:
        return NOBODY


def _model(name: str | None) -> str:
    try:
        return check_model_name(name)
    except InvalidInputError:
        return ""


def _kept(given: object, *, limit: int) -> str:
    try:
        return attachments.check_text(given, what="it", limit=limit)
    except InvalidInputError as error:
        return f"withheld: {error.code}"
