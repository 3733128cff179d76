"""What goes wrong is a page, too: the database down, a fault of ours, forms that are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from governance import Governance
from governance.api import create_app
from governance.dashboard import mount_dashboard
from governance.dashboard.pages import FORM, MAX_FORM
from governance.dashboard.routes import overview
from governance.errors import DatabaseUnavailableError
from tests.api.conftest import WHO, identify
from tests.dashboard.conftest import BASE, NAME, Browser, Shown


def test_a_database_that_is_down_is_a_page(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object, **__: object) -> None:
        raise DatabaseUnavailableError("the database does not answer; <start> it")

    monkeypatch.setattr(overview, "fleet", down)
    answer = browser.get("")
    assert answer.status_code == 503 and answer.headers["retry-after"]
    assert "Not now" in answer.text and "&lt;start&gt; it" in answer.text
    assert "Nothing was changed" in answer.text


def test_a_home_that_cannot_be_opened_is_a_page_and_the_files_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("GOVERNANCE_HOME", str(tmp_path / "file"))
    app = mount_dashboard(create_app(), login=True)
    with TestClient(app, raise_server_exceptions=False) as client:
        browser = Browser(client, person=None)
        assert browser.get("").status_code == 503
        assert browser.get("/login").status_code == 200
        assert browser.post("/login", data={"token": "x"}).status_code == 503


def test_a_fault_of_ours_says_where_to_look_and_nothing_else(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, logged: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(overview, "fleet", broken)
    answer = browser.get("", headers={"x-request-id": "abc-1"})
    assert answer.status_code == 500 and "abc-1" in answer.text
    assert "secret" not in answer.text and "a secret of the inside" in logged.text


@pytest.mark.parametrize("path", ["/models/UPPER", "/models/%3Cb%3E", "/models/a?x=1", "/?page=0"])
def test_an_address_that_is_none_is_a_page(path: str, shown: Shown) -> None:
    answer = shown.browser.get(path)
    assert answer.status_code in (404, 422)
    assert "<b>" not in answer.text


def test_forms_have_one_type_and_a_size(browser: Browser) -> None:
    path = "/alerts/0123456789ab/snooze"
    large = browser.post(path, data={"hours": "4", "more": "x" * MAX_FORM})
    assert large.status_code == 413
    for kind in ("application/json", "multipart/form-data; boundary=x", "text/plain"):
        answer = browser.post(path, content=b"{}", headers={"content-type": kind})
        assert answer.status_code == 415, kind
    odd = browser.post(path, content=b"hours=%00&hours=%ff", headers={"content-type": FORM})
    assert odd.status_code in (404, 422)


def test_a_mounted_app_has_its_own_base(sqlite_gov: Governance) -> None:
    from fastapi import FastAPI

    outer = FastAPI()
    outer.mount(
        "/governance", mount_dashboard(create_app(sqlite_gov, identify=identify), login=False)
    )
    with TestClient(outer) as client:
        headers = {"accept": "text/html", WHO: "admin"}
        page = client.get("/governance/dashboard", headers=headers)
        assert page.status_code == 200
        assert 'href="/governance/dashboard/challengers"' in page.text
        assert '"/dashboard' not in page.text
        sheet = page.text.split('rel="stylesheet" href="')[1].split('"')[0]
        assert client.get(sheet).status_code == 200
        sorted_ = client.get("/governance/dashboard?sort=name", headers=headers)
        assert sorted_.status_code == 200


@pytest.mark.parametrize("path", ["/", "/audit/", f"/models/{NAME}/", "//evil.example/"])
def test_a_slash_too_many_leads_to_the_page(path: str, shown: Shown) -> None:
    answer = shown.browser.get(path)
    assert answer.status_code == 308
    assert answer.headers["location"] == f"{BASE}/{path.strip('/')}".rstrip("/")


@pytest.mark.parametrize("word", ["latest", "1.0", "production"])
def test_a_value_that_does_not_fit_is_told_without_its_pattern(word: str, shown: Shown) -> None:
    text = shown.browser.get(f"/models/{NAME}/versions/{word}").text
    assert word in text and "such as 1.2.0" in text
    assert "[0-9]" not in text and "pattern" not in text
