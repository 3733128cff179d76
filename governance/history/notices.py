"""Notices: what people are told of decisions, written in the transaction of the decision.

A promotion, a force, a rollback, a failover, a finding of health or drill, a broken policy file, an
approval that is waited for: each is told once to every channel through the outbox that incidents
use. Where the notice tells of an activation, the reload hooks are told, too. What the decision's
own row says (reason, approver, gates that did not pass) is copied into the payload, so that a
message needs nothing else.

Neighbours: ``alert_rows`` (rows of the outbox), ``governance.effects.notices`` (how they read),
``governance.effects.alerts`` (delivery). Not promised: that anybody is told. Without a channel the
notice is kept for `governance alerts list` alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import Connection, bindparam, func, select

from governance.config.alerts import AlertSettings
from governance.errors import InvalidInputError
from governance.history.alert_rows import tell
from governance.history.incidents import channels_of
from governance.store.alert_tables import alert_outbox
from governance.store.schema import activations, decisions, model_registry
from governance.values import Verdict, iso

Kind = Literal[
    "promotion", "force", "rollback", "failover", "health", "policy", "drill", "approval"
]
Level = Literal["info", "warning", "critical"]

NOTICE = "notice"  # the event of its rows
RELOAD = "reload:"
NOBODY = "nobody"  # channel of a notice that is only kept

_LONGEST = 2000  # characters of a text
_MOST_REASONS = 50

_decision, _active, _version = decisions.c, activations.c, model_registry.c
# Built once: to build these costs more than to ask them.
_DECIDED = select(
    _decision.reason,
    _decision.approved_by,
    _decision.forced,
    _decision.overridden,
    _decision.checks,
).where(_decision.id == bindparam("decision"))
_ACTIVATED = (
    select(_active.operation, _version.version, _version.id, _version.digest)
    .join_from(activations, model_registry, _version.id == _active.version_id, isouter=True)
    .where(_active.model_name == bindparam("model"), _active.generation == bindparam("generation"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """
    Attributes:
        model: its name; empty where no model is concerned (a policy file).
        version: of the version that decides now or was judged; ``None`` if there is none.
        headline: one sentence: what changed.
        reasons: further sentences, such as why a target would not load.
        decision_id: of the stored decision; its reason, approver and gates are added from there.
        generation: of the activation it tells of; ``None``: nothing was activated.
        by: who did it. at: effective time.
        severity: ``critical`` is told at once, whatever the hour's cap says.
        key: the same key is told once, for example ``failover:<decision id>``.
        version_id: where ``version`` alone is not enough (a health finding).
        commands: what to type next, as (what for, command); by kind where none is given.
    """

    kind: Kind
    model: str
    version: str | None
    headline: str
    reasons: tuple[str, ...] = ()
    decision_id: str | None = None
    generation: int | None = None
    by: str
    at: datetime
    severity: Level = "info"
    key: str
    version_id: str | None = None
    commands: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind) or self.severity not in get_args(Level):
            raise InvalidInputError(
                f"no notice is {self.kind!r}, {self.severity!r}; kinds are "
                f"{', '.join(get_args(Kind))}; severities {', '.join(get_args(Level))}"
            )
        if not self.key or not self.headline.strip():
            raise InvalidInputError("a notice needs a key and a headline")

    @property
    def id(self) -> str:
        """12 hex digits of its key."""
        return hashlib.sha256(f"{NOTICE}\n{self.key}".encode()).hexdigest()[:12]

    def payload(self) -> dict[str, Any]:
        """The notice as plain JSON, with the keys that every alert has."""
        plain: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        moment = iso(self.at)
        return {
            **plain,
            "incident_id": self.id,
            "event": NOTICE,
            "at": moment,
            "opened_at": moment,
            "headline": self.headline[:_LONGEST],
            "reasons": [reason[:_LONGEST] for reason in self.reasons[:_MOST_REASONS]],
            "commands": [list(command) for command in self.commands],
            "features": [],
        }


def notice_channels(alerts: AlertSettings) -> tuple[str, ...]:
    """Everybody who is told of decisions: those of incidents, and the reload hooks.

    >>> notice_channels(AlertSettings(email=("ann@example.com",)))
    ('email',)
    """
    return (*channels_of(alerts), *(RELOAD + name for name in sorted(alerts.reload)))


def record_notice(
    tx: Connection,
    notice: Notice,
    *,
    channels: Sequence[str],
    now: datetime,
    decided: Mapping[str, Any] | None = None,
) -> str:
    """Put the notice into the outbox, in the caller's transaction; its id. Twice is once.

    Args:
        tx: the write transaction of what is told of; decision and activation are written already.
        channels: ``notice_channels``; a reload hook gets a row only for an activation.
        now: time of the record.
        decided: the decision as plain JSON, where the caller holds it; else it is read.
    """
    payload = notice.payload() | (_said(decided) if decided else _decided(tx, notice.decision_id))
    hooks = [channel for channel in channels if channel.startswith(RELOAD)]
    reload = _activated(tx, notice) if hooks else None
    key = f"{NOTICE}:{hashlib.sha256(notice.key.encode()).hexdigest()}"
    people = [channel for channel in channels if not channel.startswith(RELOAD)]
    for channel in people or (NOBODY,):
        state = "dropped" if channel == NOBODY else "pending"
        tell(tx, payload, key=key, channel=channel, now=now, state=state)
    for channel in hooks if reload else ():
        tell(tx, payload | {"reload": reload}, key=key, channel=channel, now=now)
    return notice.id


def list_notices(
    connection: Connection, *, model: str | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """What was told of decisions, the newest first: payloads, each with ``told`` (state → rows)."""
    row = alert_outbox.c
    query = select(row.event_key, row.payload, row.state, row.channel).where(row.event == NOTICE)
    if model is not None:
        query = query.where(row.model_name == model)
    newest = query.with_only_columns(row.event_key).group_by(row.event_key)
    keys = list(connection.scalars(newest.order_by(func.max(row.id).desc()).limit(limit)))
    found: dict[str, dict[str, Any]] = {}
    for first in range(0, len(keys), 500):  # SQLite takes only so many parameters
        some = query.where(row.event_key.in_(keys[first : first + 500]))
        for one in connection.execute(some.order_by(row.id)):
            told = found.setdefault(one.event_key, {**one.payload, "told": {}})["told"]
            if one.channel != NOBODY:
                told[one.state] = told.get(one.state, 0) + 1
    return [found[key] for key in keys]


def _decided(tx: Connection, decision_id: str | None) -> dict[str, Any]:
    """What the decision says of itself."""
    found = tx.execute(_DECIDED, {"decision": decision_id}).one_or_none()
    if found is None:
        return {"reason": None, "approved_by": None, "forced": False, "gates": []}
    return _said(found._asdict())


def _said(decided: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "reason": decided["reason"],
        "approved_by": decided["approved_by"],
        "forced": bool(decided["forced"]),
        "overridden": bool(decided["overridden"]),
        "gates": [one for one in decided["checks"] if one["result"] != Verdict.PASS.value],
    }


def _activated(tx: Connection, notice: Notice) -> dict[str, Any] | None:
    """What a reload hook is told; ``None`` where nothing was activated."""
    if notice.generation is None:
        return None
    asked = {"model": notice.model, "generation": notice.generation}
    found = tx.execute(_ACTIVATED, asked).one_or_none()
    if found is None:
        raise InvalidInputError(
            f"{notice.model!r} has no activation {notice.generation}; "
            "record the notice after it, in the same transaction"
        )
    return {
        "model": notice.model,
        "version": found.version,
        "version_id": found.id,
        "generation": notice.generation,
        "digest": found.digest,
        "operation": found.operation,
    }
