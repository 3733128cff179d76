"""Do the records that the audit log speaks of still say what its entries say?

``decisions`` and ``activations`` are append-only by triggers alone; whoever has the database file
can drop these. Each record has an entry in the log's hash chain, so each is held against its entry:

- every ``*.decided`` entry against the decision with its number, whose checks, policy and facts
  must hash to the verdict hash of the entry;
- every ``stage.changed`` entry into production, or out of it with nothing to follow, against the
  activation of its generation;
- every session of a trial against the ``shadow.session`` entry with its digest
  (``session_check``);
- no record without an entry, no entry without a record, no registry beside an empty log.

The caller has walked the chain before, in the same snapshot. Not promised: ``recorded_at`` of a
record is not in its entry and is only compared with the time of the entry, to within hours.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from governance.errors import AuditChainError
from governance.history.session_check import check_sessions
from governance.history.stored_records import (
    Record,
    any_bytes,
    columns_as_stored,
    details_of,
    differs,
    in_one_transaction,
    record,
    stream,
)
from governance.store.schema import activations, decisions

DECIDED = ".decided"
# As canonical JSON has it; inside a text it is escaped.
_TO_PRODUCTION = '"to":"production"'
_TO_NOTHING = '"live":null'

_ENTRY = ("seq", "recorded_at", "actor", "action", "model_name", "version_id", "details")
_IN_DETAILS = (
    "verdict",
    "eligible",
    "forced",
    "policy_digest",
    "verdict_hash",
    "approved_by",
    "reason",
    "at",
)
_OF_DECISION = ("id", "operation", "model_name", "version_id", "decided_by", *_IN_DETAILS)
# Key of the entry -> column of the decision. Entries of the first release do not have them, and
# their decisions have what the column is filled with.
_SINCE_0003 = {"overridden": ("overridden", False), "approval": ("approval_id", None)}


def decision_difference(entry: Record, details: Record, row: Record) -> str | None:
    """The first column of a decision that its entry contradicts; ``None`` if they agree.

    Args:
        entry: columns of the audit entry; details: its parsed JSON.
        row: columns of the decision: texts, and its times as the log writes them.
    """
    expected = (
        details.get("decision"),
        entry["action"].removesuffix(DECIDED),
        entry["model_name"],
        entry["version_id"],
        entry["actor"],
        *map(details.get, _IN_DETAILS),
    )
    for name, value in zip(_OF_DECISION, expected, strict=True):
        if row[name] != value:
            return name
    for key, (name, before) in _SINCE_0003.items():
        if row[name] != details.get(key, before):
            return name
    if _stored_verdict_hash(row) != details.get("verdict_hash"):
        return "checks, policy or facts"
    return None if in_one_transaction(entry, row) else "recorded_at"


def activation_difference(entry: Record, details: Record, row: Record) -> str | None:
    """The same of an activation; ``row`` has the ``operation`` of its decision as ``decided``."""
    expected = {
        "version_id": entry["version_id"] if details.get("to") == "production" else None,
        "decision_id": details.get("decision"),
        "operation": row["decided"],
        "forced": details.get("forced"),
        "effective_at": details.get("at"),
    }
    for name, value in expected.items():
        if row[name] != value:
            return name
    return None if in_one_transaction(entry, row) else "recorded_at"


def _stored_verdict_hash(row: Record) -> str:
    """``policy.verdict.verdict_hash`` of the stored texts. They are canonical JSON already, so
    putting them together gives the text that was hashed; parsing would take ten times as long.
    """
    whole = f'{{"checks":{row["checks"]},"facts":{row["facts"]},"policy":{row["policy"]}}}'
    return sha256(whole.encode(errors="surrogateescape")).hexdigest()


def cross_check(connection: Connection, *, entries: int) -> None:
    """Hold every decision and activation against the log, whose chain of ``entries`` is intact.

    Raises:
        AuditChainError: ``seq`` is the entry concerned; for a record of which no entry speaks, the
            one that it names, or the first that is not there.
    """
    if entries == 0 and connection.scalar(text("SELECT count(*) FROM model_registry")):
        raise differs(1, "the log is empty, and the registry is not")
    try:
        _compare(connection, entries)
    except OperationalError as error:
        if connection.dialect.name != "sqlite" or "decode" not in str(error.orig).lower():
            raise
        with any_bytes(connection):
            _compare(connection, entries)


def _compare(connection: Connection, entries: int) -> None:
    for action in _decided_actions(connection):
        _check_decisions(connection, action)
    _check_no_other_decision(connection, entries)
    _check_activations(connection, entries)
    check_sessions(connection, entries=entries)


def _decided_actions(connection: Connection) -> list[str]:
    """The actions of decisions that occur; one look into the index for each action there is."""
    following = text("SELECT min(action) FROM audit_log WHERE action > :after")
    found: list[str] = []
    after = ""
    while (action := connection.scalar(following, {"after": after})) is not None:
        if action.endswith(DECIDED):
            found.append(action)
        after = action
    return found


def _check_decisions(connection: Connection, action: str) -> None:
    columns = decisions.columns.keys()
    query = f"""
        SELECT {", ".join(f"a.{name} AS entry_{name}" for name in _ENTRY)},
            {columns_as_stored(connection, "d", columns, times=("at", "recorded_at"))}
        FROM audit_log a LEFT JOIN decisions d ON d.seq = a.seq
        WHERE a.action = :action ORDER BY a.seq
    """  # noqa: S608 - constants
    with stream(connection, query, action=action) as rows:
        for joined in rows:
            entry = dict(zip(_ENTRY, joined, strict=False))
            row = dict(zip(columns, joined[len(_ENTRY) :], strict=True))
            if row["id"] is None:
                raise differs(entry["seq"], "the decision is missing")
            if (column := decision_difference(entry, details_of(entry), row)) is not None:
                raise differs(entry["seq"], f"the decision has another {column}")


def _check_no_other_decision(connection: Connection, entries: int) -> None:
    query = """
        SELECT d.seq FROM decisions d LEFT JOIN audit_log a ON a.seq = d.seq
        WHERE a.seq IS NULL OR a.action NOT LIKE :decided ORDER BY d.seq LIMIT 1
    """
    seq = connection.scalar(text(query), {"decided": f"%{DECIDED}"})
    if seq is not None:
        named = seq if isinstance(seq, int) and seq > 0 else entries + 1
        raise differs(named, "there is a decision of which no entry speaks")


def _check_activations(connection: Connection, entries: int) -> None:
    """Both in the order of model and generation, side by side."""
    columns = columns_as_stored(
        connection, "c", activations.columns.keys(), times=("effective_at", "recorded_at")
    )
    recorded = f"""
        SELECT {columns}, d.operation AS decided, d.seq AS seq
        FROM activations c LEFT JOIN decisions d ON d.id = c.decision_id
        ORDER BY c.model_name, c.generation
    """  # noqa: S608 - constants
    told = """
        SELECT seq, recorded_at, model_name, version_id, details FROM audit_log
        WHERE action = 'stage.changed' AND (details LIKE :to OR details LIKE :nothing)
        ORDER BY model_name, seq
    """
    patterns = {"to": f"%{_TO_PRODUCTION}%", "nothing": f"%{_TO_NOTHING}%"}
    with (
        stream(connection, recorded) as rows,
        stream(connection, told, **patterns) as changes,
    ):
        row = record(next(rows, None))
        for change in changes:
            entry = dict(change._mapping)
            details = details_of(entry)
            if details.get("to") != "production" and details.get("live", ...) is not None:
                continue
            generation = details.get("generation")
            if row is not None and _before(row, entry["model_name"], generation):
                raise _unspoken(row, entries)
            of_entry = (entry["model_name"], generation)
            if row is None or (row["model_name"], row["generation"]) != of_entry:
                raise differs(entry["seq"], f"the activation of generation {generation} is missing")
            if (column := activation_difference(entry, details, row)) is not None:
                raise differs(entry["seq"], f"the activation has another {column}")
            row = record(next(rows, None))
        if row is not None:
            raise _unspoken(row, entries)


def _before(row: Record, model: str, generation: Any) -> bool:
    try:
        return bool((row["model_name"], row["generation"]) < (model, generation))
    except TypeError:  # what is no text or no number any more fits no entry
        return True


def _unspoken(row: Record, entries: int) -> AuditChainError:
    named = row["seq"]
    return differs(
        named if isinstance(named, int) and 0 < named <= entries else entries + 1,
        f"no entry speaks of the activation of {row['model_name']!r} with generation "
        f"{row['generation']}",
    )
