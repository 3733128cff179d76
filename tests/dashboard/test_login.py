"""Logging in with a token: what the browser gets, what ends it, and who else cannot use it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from governance import Governance
from governance.api import create_app
from governance.dashboard import mount_dashboard, sessions
from governance.dashboard.routes.login import inside
from governance.dashboard.sessions import COOKIE, HOURS, Sessions
from governance.dashboard.site import Site
from governance.errors import UnauthenticatedError
from tests.dashboard.conftest import Browser
from tests.versions import actions, champion


@pytest.fixture
def browser(sqlite_gov: Governance) -> Iterator[Browser]:
    app = mount_dashboard(create_app(sqlite_gov), login=True)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Browser(client, person=None)


def token(gov: Governance, role: str = "operator") -> tuple[str, str]:
    secret, made = gov.access.tokens.create("ann", role=role, expires_in=None, by="root")
    return secret, made.id


def log_in(browser: Browser, secret: str, **form: str) -> Any:
    return browser.post("/login", data={"token": secret, **form})


def test_a_token_is_asked_for_once_and_never_given_back(
    browser: Browser, sqlite_gov: Governance
) -> None:
    champion(sqlite_gov)
    secret, _ = token(sqlite_gov)
    first = browser.get("/models/momentum?cursor=")
    assert first.status_code == 401 and first.headers["www-authenticate"] == "Bearer"
    (wanted,) = re.findall(r'name="next" value="([^"]*)"', first.text)
    answer = log_in(browser, secret, next=wanted)
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard/models/momentum")
    cookie = answer.headers["set-cookie"]
    for word in ("HttpOnly", "SameSite=strict", "Path=/dashboard"):
        assert word in cookie
    assert secret not in cookie and secret[17:] not in cookie
    page = browser.get("/models/momentum")
    assert page.status_code == 200 and "ann" in page.text and secret not in page.text


def test_over_https_the_cookie_stays_there(sqlite_gov: Governance) -> None:
    app = mount_dashboard(create_app(sqlite_gov), login=True)
    secret, _ = token(sqlite_gov)
    with TestClient(app, base_url="https://testserver") as client:
        answer = Browser(client, None).post(
            "/login", data={"token": secret}, headers={"origin": "https://testserver"}
        )
    assert "Secure" in answer.headers["set-cookie"]


def test_the_session_ends_with_its_token(browser: Browser, sqlite_gov: Governance) -> None:
    secret, token_id = token(sqlite_gov)
    log_in(browser, secret)
    assert browser.get("").status_code == 200
    sqlite_gov.access.tokens.revoke(token_id, by="root")
    answer = browser.get("")
    assert answer.status_code == 401 and "unknown, expired or revoked" in answer.text


def test_the_session_ends_by_logging_out(browser: Browser, sqlite_gov: Governance) -> None:
    log_in(browser, token(sqlite_gov)[0])
    word = browser.client.cookies[COOKIE]
    out = browser.post("/logout")
    assert out.status_code == 200 and "You are logged out" in out.text
    assert COOKIE not in browser.client.cookies
    kept = browser.get("", headers={"cookie": f"{COOKIE}={word}"})
    assert kept.status_code == 401 and "session has ended" in kept.text


def test_the_session_ends_by_itself_and_old_ones_make_room(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    kept = Sessions(clock=lambda: now[0])
    tokens, (secret, _) = sqlite_gov.access.tokens, token(sqlite_gov)
    word = kept.begin(tokens, secret)
    now[0] = HOURS * 3600 - 1
    assert kept.identity(tokens, word).name == "ann"
    now[0] += 1
    with pytest.raises(UnauthenticatedError):
        kept.identity(tokens, word)
    monkeypatch.setattr(sessions, "MOST", 2)
    words = [kept.begin(tokens, secret) for _ in range(3)]
    with pytest.raises(UnauthenticatedError):
        kept.identity(tokens, words[0])
    assert [kept.identity(tokens, one).name for one in words[1:]] == ["ann", "ann"]


@pytest.mark.parametrize(
    "wrong",
    ["", "gov_0123456789ab_" + "a" * 43, "\x00", "ü" * 100],
    ids=["empty", "unknown", "nul", "no token"],
)
def test_a_wrong_token_opens_nothing_and_is_on_record(
    wrong: str, browser: Browser, sqlite_gov: Governance
) -> None:
    answer = log_in(browser, wrong)
    assert answer.status_code in (401, 422)
    assert COOKIE not in browser.client.cookies
    assert len(wrong) < 2 or wrong not in answer.text
    if answer.status_code == 401:
        assert "access.denied" in actions(sqlite_gov)


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://["])
def test_a_login_that_another_site_sends_is_refused(
    origin: str | None, browser: Browser, sqlite_gov: Governance
) -> None:
    headers = {} if origin is None else {"origin": origin}
    answer = browser(
        "POST", "/login", headers=headers, data={"token": token(sqlite_gov, "admin")[0]}
    )
    assert answer.status_code == 403 and "set-cookie" not in answer.headers


def test_a_form_that_another_site_sends_is_refused(
    browser: Browser, sqlite_gov: Governance
) -> None:
    log_in(browser, token(sqlite_gov)[0])
    for origin in ({}, {"origin": "http://evil.example"}, {"origin": "null"}):
        assert browser("POST", "/logout", headers=origin).status_code == 403
    assert browser.get("").status_code == 200


def test_a_session_that_ended_under_a_form_leads_back_to_it(
    browser: Browser, sqlite_gov: Governance
) -> None:
    here = "http://testserver/dashboard/alerts/0123456789ab"
    answer = browser.post("/alerts/0123456789ab/acknowledge", headers={"referer": here})
    assert answer.status_code == 401 and "was not taken" in answer.text
    assert 'name="next" value="/dashboard/alerts/0123456789ab"' in answer.text
    elsewhere = browser.post("/logout", headers={"referer": "http://evil.example/dashboard"})
    assert 'name="next" value="/dashboard"' in elsewhere.text


@given(
    st.text(max_size=60) | st.sampled_from(["//evil.example", "/dashboard\\evil", "/dashboardx"])
)
def test_a_login_sends_nobody_elsewhere(wanted: str) -> None:
    class App:
        class state:
            dashboard = Site("/dashboard", None)

    request = Request({"type": "http", "app": App, "root_path": "/governance", "headers": []})
    base = "/governance/dashboard"
    assert inside(request, wanted) == base
    below = inside(request, base + wanted)
    assert below == base or below.startswith((f"{base}/", f"{base}?"))
    assert "\n" not in below and "\\" not in below


def test_the_cookie_is_no_key_to_the_api(browser: Browser, sqlite_gov: Governance) -> None:
    log_in(browser, token(sqlite_gov)[0])
    # A browser sends the cookie below its path alone, and so does the client.
    assert browser.client.get("/api/v1/models").status_code == 401
