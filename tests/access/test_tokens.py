"""API tokens on both databases: who gets in, who does not, and that no secret stays anywhere."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, inspect, text, update

from governance import Governance
from governance.access import tokens as module
from governance.access.roles import Grant, Role
from governance.access.tokens import Token, Tokens
from governance.errors import (
    ConflictError,
    GovernanceError,
    IntegrityError,
    InvalidInputError,
    NaiveDatetimeError,
    NotFoundError,
    UnauthenticatedError,
)
from governance.history.audit import AuditLog
from governance.store.access_tables import api_tokens
from governance.store.database import Database

HOUR = timedelta(hours=1)


@pytest.fixture
def tokens(database: Database) -> Tokens:
    return Tokens(database)


@pytest.fixture
def sqlite_tokens(sqlite_database: Database) -> Tokens:
    return Tokens(sqlite_database)


def _made(tokens: Tokens, **changed: Any) -> tuple[str, Token]:
    given: dict[str, Any] = {"role": "operator", "expires_in": HOUR, "by": "ann", **changed}
    return tokens.create(given.pop("name", "nightly"), **given)


def _age(tokens: Tokens, token: Token, by: timedelta) -> None:
    """Let time pass over one token: no test waits."""
    assert token.expires_at is not None
    with tokens._database.begin() as tx:
        tx.execute(
            update(api_tokens)
            .where(api_tokens.c.id == token.id)
            .values(expires_at=token.expires_at - by)
        )


def test_a_token_opens_what_it_was_made_for(tokens: Tokens) -> None:
    secret, token = _made(tokens, role="approver", models="team-a-*")
    found = tokens.authenticate(secret)
    assert found.name == "nightly"
    assert found.grants == (Grant(Role.APPROVER, "team-a-*"),)
    assert (found.kind, found.token_id) == ("token", token.id)
    assert not found.sees("team-b-x")
    assert token.state == "active" and token.expires_at is not None
    assert token.expires_at - token.created_at == HOUR


def test_one_that_never_expires_says_so(tokens: Tokens) -> None:
    secret, token = _made(tokens, expires_in=None)
    assert token.expires_at is None
    assert tokens.authenticate(secret).name == "nightly"


def test_what_was_made_and_taken_back_is_in_the_audit_log(tokens: Tokens) -> None:
    _, token = _made(tokens)
    tokens.revoke(token.id, by="max")
    tokens.revoke(token.id, by="eve")  # nothing is left to be done
    log = AuditLog(tokens._database)
    created, revoked = log.entries()
    assert (created.action, created.actor) == ("token.created", "ann")
    assert (revoked.action, revoked.actor) == ("token.revoked", "max")
    assert created.details["token"] == token.id
    assert {key: created.details[key] for key in ("name", "role", "models")} == {
        "name": "nightly",
        "role": "operator",
        "models": "*",
    }
    assert log.verify().entries == 2


def test_the_list_shows_all_and_what_became_of_them(tokens: Tokens) -> None:
    moment = datetime(2013, 2, 1, tzinfo=UTC)
    names = ["first", "second", "third"]
    made = [
        _made(tokens, name=name, at=moment + n * HOUR, expires_in=timedelta(days=36500))[1]
        for n, name in enumerate(names)
    ]
    tokens.revoke(made[0].id, by="max")
    _age(tokens, made[1], timedelta(days=36500))
    found = tokens.list()
    assert [token.name for token in found] == ["third", "second", "first"]
    assert [token.state for token in found] == ["active", "expired", "revoked"]
    assert found[2].revoked_by == "max" and found[2].revoked_at is not None


def _refused(tokens: Tokens) -> dict[str, str]:
    """Secrets by the reason for which they are refused."""
    good, token = _made(tokens)
    late, aged = _made(tokens)
    _age(tokens, aged, HOUR)
    taken, revoked = _made(tokens)
    tokens.revoke(revoked.id, by="ann")
    other = "A" if good[-2] != "A" else "B"
    return {
        "expired": late,
        "revoked": taken,
        "unknown": "gov_" + "0" * 12 + "_" + "A" * 43,
        "another secret": good[:-2] + other + good[-1],
        "the secret of another": good[:17] + late[17:],
        "the id alone": token.id,
        "nothing": "",
        "no token": "Bearer " + good,
        "a line more": good + "\n",
        "half a character": good[:-1] + "\ud800",
        "a null": "\0" + good[1:],
        "very long": "gov_" + "a" * 100_000,
    }


def test_every_refusal_says_the_same(tokens: Tokens) -> None:
    said = set()
    for why, secret in _refused(tokens).items():
        with pytest.raises(UnauthenticatedError) as refused:
            tokens.authenticate(secret)
        error = refused.value
        said.add((type(error), str(error), repr(error), error.status, error.code, error.exit_code))
        assert error.__cause__ is None, why
    assert len(said) == 1
    assert {one[3:] for one in said} == {(401, "unauthenticated", 6)}


@pytest.mark.parametrize("given", [None, 7, b"gov_", ["gov_"]], ids=range(4))
def test_what_is_no_text_is_refused_alike(sqlite_tokens: Tokens, given: Any) -> None:
    with pytest.raises(UnauthenticatedError, match="unknown, expired or revoked"):
        sqlite_tokens.authenticate(given)


@contextmanager
def _statements(database: Database) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(database.engine, "before_cursor_execute", note)


def test_every_answer_takes_the_same_work_and_a_comparison_in_constant_time(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {**_refused(tokens), "good": _made(tokens)[0]}
    compared: list[tuple[int, int]] = []
    compare = hmac.compare_digest

    def noted(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    work = {}
    for why, secret in given.items():
        compared.clear()
        with _statements(tokens._database) as asked:
            if why == "good":
                tokens.authenticate(secret)
            else:
                with pytest.raises(UnauthenticatedError):
                    tokens.authenticate(secret)
        work[why] = (tuple(asked), tuple(compared))
    assert len(set(work.values())) == 1
    (asked_of_all, compared_of_all) = work["good"]
    assert len(asked_of_all) == 2 and compared_of_all == ((64, 64),)


def test_a_row_whose_hash_is_gone_opens_nothing(tokens: Tokens) -> None:
    """What stands in for a row that is not there must not be a hash that somebody can meet."""
    secret, token = _made(tokens)
    for stored in ("", "0" * 64, secret[17:]):
        with tokens._database.begin() as tx:
            tx.execute(update(api_tokens).values(secret_hash=stored))
        with pytest.raises(UnauthenticatedError):
            tokens.authenticate(secret)
    assert token.state == "active"


def test_an_expiry_counts_from_its_very_moment(
    sqlite_tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, token = _made(sqlite_tokens)
    moment = token.expires_at
    assert moment is not None
    monkeypatch.setattr(module, "database_time", lambda _: moment - timedelta(microseconds=1))
    assert sqlite_tokens.authenticate(secret).token_id == token.id
    assert [one.state for one in sqlite_tokens.list()] == ["active"]
    monkeypatch.setattr(module, "database_time", lambda _: moment)
    with pytest.raises(UnauthenticatedError):
        sqlite_tokens.authenticate(secret)
    assert [one.state for one in sqlite_tokens.list()] == ["expired"]


def test_a_revoked_token_is_refused_by_everybody_at_once(database_url: str) -> None:
    ours, theirs = Database(database_url), Database(database_url)
    secret, token = _made(Tokens(ours))
    assert Tokens(theirs).authenticate(secret).token_id == token.id
    found = Tokens(ours).revoke(token.id, by="max", at=datetime(2013, 2, 1, tzinfo=UTC))
    assert found.state == "revoked"
    with pytest.raises(UnauthenticatedError):
        Tokens(theirs).authenticate(secret)
    ours.close()
    theirs.close()


# -- the secret ------------------------------------------------------------------------------------


def test_the_secret_is_neither_stored_nor_logged(
    gov: Governance, tmp_path: Path, logged: pytest.LogCaptureFixture
) -> None:
    engine = logging.getLogger("sqlalchemy.engine")
    before = engine.level
    engine.setLevel(logging.DEBUG)
    engine.addHandler(logged.handler)
    try:
        secret, token = _made(gov.access.tokens)
        gov.access.tokens.authenticate(secret)
        gov.access.tokens.list()
        with pytest.raises(NotFoundError) as unknown:
            gov.access.tokens.revoke(secret, by="ann")
        gov.access.tokens.revoke(token.id, by="ann")
        with pytest.raises(UnauthenticatedError) as refused:
            gov.access.tokens.authenticate(secret)
    finally:
        engine.setLevel(before)
        engine.removeHandler(logged.handler)
    own = secret.removeprefix(f"gov_{token.id}_")
    assert len(own) == 43
    raw = base64.urlsafe_b64decode(own + "=")
    stored = _everything(gov.database, tmp_path)
    assert token.id.encode() in stored  # so that the search is known to find
    assert hashlib.sha256(own.encode()).hexdigest().encode() in stored
    for form in (own.encode(), raw, raw.hex().encode()):
        assert form not in stored
    assert logged.text and own not in logged.text
    for thing in (token, unknown.value, refused.value, gov.access.tokens):
        assert own not in repr(thing) and own not in str(thing)


def _everything(database: Database, folder: Path) -> bytes:
    """All that is kept: every file below the folder, and on a server every row of every table."""
    files = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
    with database.read() as connection:
        rows = [
            repr(row).encode()
            for table in inspect(connection).get_table_names()
            for row in connection.execute(text(f"SELECT * FROM {table}"))
        ]
    return b"\n".join([*files, *rows])


def test_no_two_tokens_are_alike(sqlite_tokens: Tokens) -> None:
    made = [_made(sqlite_tokens)[0] for _ in range(20)]
    assert len({secret[17:] for secret in made}) == 20
    assert len({secret[4:16] for secret in made}) == 20
    assert all(module._FORM.fullmatch(secret) for secret in made)


def test_a_token_in_a_note_is_caught_by_the_net_for_credentials(gov: Governance) -> None:
    secret, _ = _made(gov.access.tokens)
    with pytest.raises(InvalidInputError, match="looks like a credential") as refused:
        _made(gov.access.tokens, name=secret)
    assert secret not in str(refused.value)


def test_many_may_be_made_at_once(tokens: Tokens) -> None:
    made: list[tuple[str, Token]] = []
    failures: list[BaseException] = []

    def make() -> None:
        try:
            made.extend(_made(tokens) for _ in range(3))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(made) == len({token.id for _, token in made}) == len(tokens.list()) == 24
    assert {tokens.authenticate(secret).token_id for secret, _ in made} == {
        token.id for _, token in made
    }
    assert AuditLog(tokens._database).verify().entries == 24


def test_an_id_that_is_taken_makes_nothing(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, _ = _made(tokens)
    monkeypatch.setattr(secrets, "token_hex", lambda _: secret[4:16])
    with pytest.raises(ConflictError):
        _made(tokens, name="other")
    assert tokens.authenticate(secret).name == "nightly"
    assert [token.name for token in tokens.list()] == ["nightly"]


# -- bad input -------------------------------------------------------------------------------------

BAD: list[tuple[dict[str, Any], type[GovernanceError], str]] = [
    ({"name": ""}, InvalidInputError, "name"),
    ({"name": " \u200b"}, InvalidInputError, "name"),
    ({"name": "a\nb"}, InvalidInputError, "name"),
    ({"name": "a\x00b"}, InvalidInputError, "name"),
    ({"name": "a\x1b[2J"}, InvalidInputError, "name"),
    ({"name": "ann\u202e"}, InvalidInputError, "name"),
    ({"name": "a\ud800"}, InvalidInputError, "name"),
    ({"name": "x" * 256}, InvalidInputError, "name"),
    ({"name": None}, InvalidInputError, "name"),
    ({"by": ""}, InvalidInputError, "by"),
    ({"by": "a\tb"}, InvalidInputError, "by"),
    ({"role": "root"}, InvalidInputError, "no role"),
    ({"role": "Admin"}, InvalidInputError, "no role"),
    ({"role": None}, InvalidInputError, "no role"),
    ({"models": "team-?"}, InvalidInputError, "no pattern"),
    ({"models": "team-[ab]"}, InvalidInputError, "no pattern"),
    ({"models": "team/*"}, InvalidInputError, "no pattern"),
    ({"models": "../*"}, InvalidInputError, "no pattern"),
    ({"models": ""}, InvalidInputError, "no pattern"),
    ({"models": "a\n"}, InvalidInputError, "no pattern"),
    ({"models": "a" * 65}, InvalidInputError, "no pattern"),
    ({"models": ["a"]}, InvalidInputError, "no pattern"),
    ({"at": datetime(2013, 2, 1)}, NaiveDatetimeError, "no time zone"),
    ({"at": "2013-02-01"}, InvalidInputError, "datetime"),
    ({"at": datetime(9999, 1, 1, tzinfo=UTC)}, InvalidInputError, "in the future"),
    ({"at": datetime(2013, 2, 1, tzinfo=UTC)}, InvalidInputError, "expired already"),
    ({"expires_in": timedelta(0)}, InvalidInputError, "expired already"),
    ({"expires_in": timedelta(days=-1)}, InvalidInputError, "expired already"),
    ({"expires_in": timedelta.max}, InvalidInputError, "year 9999"),
    ({"expires_in": 3600}, InvalidInputError, "timedelta"),
    ({"expires_in": "90d"}, InvalidInputError, "timedelta"),
]


@pytest.mark.parametrize(("changed", "error", "says"), BAD, ids=range(len(BAD)))
def test_what_cannot_be_a_token_is_refused_and_nothing_is_made(
    tokens: Tokens, changed: dict[str, Any], error: type[GovernanceError], says: str
) -> None:
    with pytest.raises(error, match=says):
        _made(tokens, **changed)
    assert tokens.list() == ()
    assert AuditLog(tokens._database).entries() == []


@pytest.mark.parametrize("token_id", ["", "0" * 12, "\0", "\ud800", None, "x" * 10_000])
def test_taking_back_what_never_was_is_said(tokens: Tokens, token_id: Any) -> None:
    with pytest.raises(NotFoundError, match="token list"):
        tokens.revoke(token_id, by="ann")


@pytest.mark.parametrize(
    "give",
    [
        lambda tokens, token: tokens.revoke(token.id, by="a\nb"),
        lambda tokens, token: tokens.revoke(token.id, by="ann", at=datetime(2013, 2, 1)),
        lambda tokens, token: tokens.revoke(
            token.id, by="ann", at=datetime(9999, 1, 1, tzinfo=UTC)
        ),
    ],
    ids=range(3),
)
def test_a_wrong_revocation_takes_nothing_back(
    tokens: Tokens, give: Callable[[Tokens, Token], Any]
) -> None:
    secret, token = _made(tokens)
    with pytest.raises(InvalidInputError):
        give(tokens, token)
    assert tokens.authenticate(secret).token_id == token.id


def test_a_row_that_is_no_longer_a_grant_lets_nobody_in(sqlite_tokens: Tokens) -> None:
    secret, _ = _made(sqlite_tokens)
    with sqlite_tokens._database.begin() as tx:
        tx.execute(update(api_tokens).values(models="[a]"))
    with pytest.raises(IntegrityError, match="no longer what was stored"):
        sqlite_tokens.authenticate(secret)
