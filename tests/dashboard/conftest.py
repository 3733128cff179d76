"""People with browsers: requests that ask for HTML, on a world that is read and one that is not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from governance import Governance
from governance.api import create_app
from governance.dashboard import mount_dashboard
from governance.evidence.drift.report import FeatureReport
from governance.policy.drift.facts import FeatureFigures, Finding
from governance.values import ModelVersion, Severity
from tests.api.conftest import WHO, identify
from tests.api.world import AT, World, build, report
from tests.versions import NAME

BASE = "/dashboard"
OURS = (BASE, "#", "drift/", "/airflow/", "/api/v1/docs")
ORIGIN = {"origin": "http://testserver"}


@dataclass(frozen=True)
class Browser:
    client: TestClient
    person: str | None = "admin"

    def get(self, path: str, **given: Any) -> Any:
        return self("GET", path, **given)

    def post(self, path: str, **given: Any) -> Any:
        return self("POST", path, headers={**ORIGIN, **given.pop("headers", {})}, **given)

    def __call__(self, method: str, path: str, **given: Any) -> Any:
        headers = {"accept": "text/html", **given.pop("headers", {})}
        if self.person is not None:
            headers[WHO] = self.person
        answer = self.client.request(
            method, f"{BASE}{path}", headers=headers, follow_redirects=False, **given
        )
        if method != "HEAD" and answer.headers.get("content-type", "").startswith("text/html"):
            check_page(answer.text)
        return answer

    def as_(self, person: str | None) -> Browser:
        return replace(self, person=person)

    @property
    def app(self) -> FastAPI:
        app = self.client.app
        assert isinstance(app, FastAPI)
        return app


class _Tags(HTMLParser):
    """Every tag with its attributes, as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def check_page(text: str) -> None:
    """What holds for every page: one heading, landmarks, labels, nothing inline, all from here."""
    seen = _Tags(text).seen
    tags = [tag for tag, _ in seen]
    for one in ("h1", "main", "header", "footer"):
        assert tags.count(one) == 1, one
    assert seen[0] == ("html", {"lang": "en"}) and tags.count("style") == 0
    labels = {given["for"] for tag, given in seen if tag == "label"}
    for tag, given in seen:
        assert not any(name.startswith("on") or name == "style" for name in given), (tag, given)
        assert tag != "script" or given.get("src"), "an inline script"
        for name in ("src", "href", "action"):
            assert (given.get(name) or BASE).startswith(OURS), given
        if tag in ("input", "select") and given.get("type") != "hidden":
            assert given["id"] in labels, given
        if tag == "th":
            assert given.get("scope"), "a heading of nothing"
        if tag == "img":
            assert "alt" in given


@contextmanager
def browsing(gov: Governance, **given: Any) -> Iterator[Browser]:
    app = mount_dashboard(create_app(gov, identify=identify), login=False, **given)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Browser(client)


@pytest.fixture
def browser(sqlite_gov: Governance) -> Iterator[Browser]:
    with browsing(sqlite_gov) as found:
        yield found


@dataclass(frozen=True)
class Shown:
    """A world that tests only read."""

    gov: Governance
    world: World
    browser: Browser
    cell: str


@pytest.fixture(scope="module")
def shown(_migrated_sqlite_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("shown")
    path = folder / "governance.db"
    path.write_bytes(_migrated_sqlite_file.read_bytes())
    with Governance.open(database=f"sqlite:///{path}", home=folder / "home") as gov:
        world = build(gov)
        found = look(gov, world.champion, days_ago=1, severe=("visib",))
        with browsing(gov) as browser:
            yield Shown(gov, world, browser, f"{found[:12]}.0")


def feature(name: str, severity: Severity = Severity.NORMAL, **given: Any) -> FeatureReport:
    figures = {"kind": "numeric", "rows": 600, "reference_rows": 9000, "ks": 0.04, **given}
    calm = severity is Severity.NORMAL
    return FeatureReport(
        feature=name,
        severity=severity,
        finding=Finding.STABLE if calm else Finding.SHIFTED,
        reason="" if calm else f"{name} moved",
        figures=FeatureFigures(feature=name, **figures),
    )


HISTOGRAM = {"labels": ["low", "high"], "reference": [0.5, 0.5], "current": [0.9, 0.1]}


def look(
    gov: Governance,
    version: ModelVersion,
    *,
    days_ago: float = 0,
    names: tuple[str, ...] = ("visib", "wind"),
    severe: tuple[str, ...] = (),
    **given: Any,
) -> str:
    """A report of some features; the id."""
    features = tuple(
        feature(name, Severity.SEVERE if name in severe else Severity.NORMAL) for name in names
    )
    return report(
        gov,
        version,
        at=AT - timedelta(days=days_ago),
        severity=Severity.SEVERE if severe else Severity.NORMAL,
        features=features,
        reference={"window": {}, "histograms": dict.fromkeys(severe, HISTOGRAM)},
        **given,
    )


__all__ = ["AT", "BASE", "NAME", "ORIGIN", "Browser", "Shown", "browsing", "look"]
