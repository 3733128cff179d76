"""API tokens: made for a name, a role, a pattern of models and a time; shown once; taken back.

A token is ``gov_<id>_<secret>``: twelve hex digits that stand in lists and records, and 256 random
bits of which only the SHA-256 is stored. (So many random bits need no salt and no slow hash: there
is nothing to guess from.) The secret stands in no log, record, message or ``repr``.

Neighbours: ``roles`` (what a token's identity may see), ``governance.store.access_tables``. Not
promised: that the name is that of a person; whoever can create tokens can give any name.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from governance.access.roles import EVERYTHING, Grant, Identity, Role, check_pattern, check_role
from governance.canonical import storable
from governance.errors import (
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    UnauthenticatedError,
)
from governance.history.audit import append_entry
from governance.history.effective_time import refuse_future
from governance.registry import attachments
from governance.store.access_tables import api_tokens
from governance.store.database import Database, database_time
from governance.store.types import stored_word
from governance.values import as_utc

UNKNOWN = "the token is unknown, expired or revoked; ask an admin for a new one"

_FORM = re.compile(r"gov_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NOBODY = ("", "")  # id and secret of what is no token; no row has this id
_NO_HASH = "0" * 64

_row = api_tokens.c
_FIND = select(api_tokens).where(_row.id == bindparam("asked"))
_ALL = select(api_tokens).order_by(_row.created_at.desc(), _row.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What may be shown of a token.

    Attributes:
        name: stands in records as ``by`` of what its holder does.
        expires_at: from then on it is refused; ``None`` for never.
        state: ``active``, ``expired`` or ``revoked`` when it was read.
    """

    id: str
    name: str
    role: Role
    models: str
    state: Literal["active", "expired", "revoked"]
    created_by: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_by: str | None = None
    revoked_at: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


class Tokens:
    """``gov.access.tokens``.

    >>> import tempfile
    >>> from governance import Governance
    >>> with Governance.open(home=tempfile.mkdtemp()) as gov:
    ...     secret, token = gov.access.tokens.create(
    ...         "nightly", role="operator", models="team-a-*", expires_in=None, by="ann"
    ...     )
    ...     nightly = gov.access.tokens.authenticate(secret)
    >>> nightly.name, nightly.grants
    ('nightly', (Grant(role=<Role.OPERATOR: 'operator'>, models='team-a-*'),))
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        name: str,
        *,
        role: Role | str,
        models: str = EVERYTHING,
        expires_in: timedelta | None,
        by: str,
        at: datetime | None = None,
    ) -> tuple[str, Token]:
        """A new token. The first of the pair is the secret: nobody can show it again.

        Args:
            name: of a person or program; several tokens of one name are fine, so that one can be
                exchanged for another.
            expires_in: counted from ``at``; ``None`` for never.
            at: when it is made; database time if not given.

        Raises:
            InvalidInputError: no name, role or pattern; or it would be expired already.
        """
        attachments.check_person(name, what="name")
        attachments.check_person(by, what="by")
        checked, pattern = check_role(role), check_pattern(models)
        made_at = None if at is None else as_utc(at)
        token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        with self._database.begin() as tx:
            now = database_time(tx)
            refuse_future(made_at, now=now)
            expires_at = _expiry(made_at or now, expires_in, now=now)
            tx.execute(
                insert(api_tokens).values(
                    id=token_id,
                    name=name,
                    role=checked.value,
                    models=pattern,
                    secret_hash=_hash(secret),
                    created_by=by,
                    created_at=made_at or now,
                    expires_at=expires_at,
                )
            )
            token = _find(tx, token_id, now=now)
            append_entry(tx, actor=by, action="token.created", details=_details(token))
        return f"gov_{token_id}_{secret}", token

    def authenticate(self, secret: str) -> Identity:
        """Who holds this token. Unknown, expired and revoked ones get one answer, after the same
        work; the comparison takes as long whatever it compares.

        Raises:
            UnauthenticatedError: with one text for every reason.
        """
        match = _FORM.fullmatch(secret) if isinstance(secret, str) else None
        token_id, own = (match[1], match[2]) if match else _NOBODY
        with self._database.read() as connection:
            row = connection.execute(_FIND, {"asked": token_id}).one_or_none()
            now = database_time(connection)
        stored = _NO_HASH if row is None else row.secret_hash
        same = hmac.compare_digest(_hash(own).encode(), stored.encode())
        if row is None or not same or _state(row, now) != "active":
            raise UnauthenticatedError(UNKNOWN)
        return Identity(name=row.name, grants=(_grant(row),), kind="token", token_id=row.id)

    def holder(self, token_id: str) -> Identity:
        """Who holds the token with this id, of a caller that showed the whole token before.

        Raises:
            UnauthenticatedError: it has expired or was revoked since.
        """
        with self._database.read() as connection:
            row = connection.execute(_FIND, {"asked": token_id}).one_or_none()
            now = database_time(connection)
        if row is None or _state(row, now) != "active":
            raise UnauthenticatedError(UNKNOWN)
        return Identity(name=row.name, grants=(_grant(row),), kind="token", token_id=row.id)

    def list(self) -> Sequence[Token]:
        """All that were ever made, the newest first."""
        with self._database.read() as connection:
            now = database_time(connection)
            return tuple(_token(row, now) for row in connection.execute(_ALL))

    def revoke(self, token_id: str, *, by: str, at: datetime | None = None) -> Token:
        """Take it back: the next call with it is refused. One that was taken back stays as it is.

        Args:
            token_id: the twelve digits; the whole token is refused, as a secret is no argument.
            at: when it was decided; database time if not given. It counts at once either way.

        Raises:
            NotFoundError: no such token.
        """
        attachments.check_person(by, what="by")
        asked_at = None if at is None else as_utc(at)
        with self._database.begin() as tx:
            now = database_time(tx)
            refuse_future(asked_at, now=now)
            _find(tx, token_id, now=now)
            changed = tx.execute(
                update(api_tokens)
                .where(_row.id == token_id, _row.revoked_at.is_(None))
                .values(revoked_at=asked_at or now, revoked_by=by)
            ).rowcount
            token = _find(tx, token_id, now=now)
            if changed:
                append_entry(tx, actor=by, action="token.revoked", details=_details(token))
        return token


def _expiry(start: datetime, expires_in: timedelta | None, *, now: datetime) -> datetime | None:
    if expires_in is None:
        return None
    if not isinstance(expires_in, timedelta):
        raise InvalidInputError(
            f"expires_in is a timedelta, or None for never, not {expires_in!r:.60}"
        )
    try:
        expires_at = start + expires_in
    except OverflowError:
        raise InvalidInputError(
            "the token would expire after the year 9999; give a shorter time, or None for never"
        ) from None
    if expires_at <= now:
        raise InvalidInputError("the token would be expired already; give a time to come")
    return expires_at


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _find(connection: Connection, token_id: str, *, now: datetime) -> Token:
    found = (
        connection.execute(_FIND, {"asked": token_id}).one_or_none() if storable(token_id) else None
    )
    if found is None:  # what was asked for is not repeated: it may be a whole token
        raise NotFoundError("no token has this id; `governance token list` shows the ids")
    return _token(found, now)


def _token(row: Row[Any], now: datetime) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        role=_grant(row).role,
        models=row.models,
        state=_state(row, now),
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_by=row.revoked_by,
        revoked_at=row.revoked_at,
    )


def _state(row: Row[Any], now: datetime) -> Literal["active", "expired", "revoked"]:
    if row.revoked_at is not None:
        return "revoked"
    return "active" if row.expires_at is None or now < row.expires_at else "expired"


def _grant(row: Row[Any]) -> Grant:
    role = stored_word(Role, row.role, of=f"token {row.id}")
    try:
        return Grant(role, row.models)
    except InvalidInputError as error:
        raise IntegrityError(
            f"token {row.id} is no longer what was stored ({error}); revoke it"
        ) from error


def _details(token: Token) -> dict[str, Any]:
    return {
        "token": token.id,
        "name": token.name,
        "role": token.role,
        "models": token.models,
        "expires_at": token.expires_at,
    }
