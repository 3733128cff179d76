"""Logging in with an API token: the browser gets a random word, never the token.

The word lives in a cookie that scripts cannot read and that other sites cannot cause to be sent
(``HttpOnly``, ``SameSite=Strict``, path of the pages alone). Here only its SHA-256 is kept, beside
the id of the token; whether the token still holds is asked at every request, so that to revoke it
ends its sessions. A restart forgets all of them, and each process has its own.

Neighbours: ``routes.login`` (the form), ``governance.access.tokens``. Inside Airflow there are no
sessions of ours: its own cookie says who somebody is.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from governance.access.roles import Identity
from governance.access.tokens import Tokens
from governance.api.guard import Identify
from governance.errors import UnauthenticatedError

COOKIE = "governance_session"
HOURS = 8
MOST = 10_000  # sessions that are remembered; the oldest one goes first

_NOT_LOGGED_IN = "you are not logged in, or your session has ended; log in with an API token"


@dataclass(frozen=True, slots=True)
class _Session:
    token_id: str
    ends: float


class Sessions:
    """
    Args:
        clock: monotonic seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: OrderedDict[str, _Session] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, tokens: Tokens, secret: str) -> str:
        """The cookie's value for the holder of this token.

        Raises:
            UnauthenticatedError: it is unknown, expired or revoked.
        """
        identity = tokens.authenticate(secret)
        assert identity.token_id is not None  # an identity by a token has one
        word = secrets.token_urlsafe(32)
        with self._lock:
            self._open[_hash(word)] = _Session(identity.token_id, self._clock() + HOURS * 3600)
            while len(self._open) > MOST:
                self._open.popitem(last=False)
        return word

    def identity(self, tokens: Tokens, word: str) -> Identity:
        """
        Raises:
            UnauthenticatedError: no such session, or it has ended, or its token has.
        """
        with self._lock:
            found = self._open.get(_hash(word))
            if found is not None and found.ends <= self._clock():
                del self._open[_hash(word)]
                found = None
        if found is None:
            raise UnauthenticatedError(_NOT_LOGGED_IN)
        return tokens.holder(found.token_id)

    def end(self, word: str) -> None:
        with self._lock:
            self._open.pop(_hash(word), None)


def by_session(sessions: Sessions, tokens: Callable[[], Tokens], others: Identify) -> Identify:
    """Identity by the cookie where there is one and no token in a header; else as ``others``."""

    def identify(request: Request) -> Identity:
        word = request.cookies.get(COOKIE)
        if word is None or "authorization" in request.headers:
            return others(request)
        return sessions.identity(tokens(), word)

    return identify


def _hash(word: str) -> str:
    return hashlib.sha256(word.encode("utf-8", "surrogatepass")).hexdigest()
