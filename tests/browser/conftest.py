"""A headless Chromium, the pages on a server of their own, and what holds for every page.

Chromium is the system's; without one these tests are skipped and say so. Pictures go to
`.pictures/` of the checkout, so that a run leaves something to look at; with
GOVERNANCE_PICTURES=docs some of them become those of the README.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
import uvicorn
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Frame,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)

from governance import Governance
from governance.api import create_app
from governance.dashboard import mount_dashboard
from governance.settings import Settings
from tests.browser import world

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / ".pictures"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
WIDE: ViewportSize = {"width": 1280, "height": 860}
TALL: ViewportSize = {"width": 1280, "height": 1440}
NARROW: ViewportSize = {"width": 390, "height": 844}
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    # Nothing elsewhere is found. (To take requests over, as Playwright can, turns the cache off.)
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
MOST = 1_000_000  # bytes that a page may fetch
PATIENCE = 30_000  # ms; on a busy machine Airflow's pages take seconds until they show a thing
_AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
# What axe calls a fault of these weights is one; "moderate" is advice (regions, order of headings).
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")  # while it is open, nothing else has an event loop in this thread
def chromium() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        browser.close()


@dataclass
class Watched:
    """A browser's window, what it asked for elsewhere, and what went wrong in it."""

    page: Page
    origin: str
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._said)
        self.page.context.on("request", self._asked)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith(("data:", "blob:", f"{self.origin}/")):
            self.outside.append(request.url)

    def _said(self, message: Any) -> None:
        # A refusal of our own is on the page; what a browser says of its number is no error.
        if message.type == "error" and "the server responded with a status of" not in message.text:
            self.errors.append(message.text)

    def clean(self) -> None:
        """Nothing came from elsewhere, nothing failed, no text of ours ran as a script."""
        assert self.outside == [] and self.errors == []
        assert all(frame.evaluate("window.hacked === undefined") for frame in self.page.frames)


@contextmanager
def window(browser: Browser, origin: str, **given: Any) -> Iterator[Watched]:
    context: BrowserContext = browser.new_context(
        viewport=given.pop("viewport", WIDE), base_url=origin, timezone_id="Europe/Berlin", **given
    )
    context.set_default_timeout(PATIENCE)
    with closing(context):
        yield Watched(context.new_page(), origin)


def fetched(where: Page | Frame) -> int:
    """Bytes of the page and of all that it needs, unpacked, also what the browser had already."""
    entries = "[...performance.getEntries()].filter(one => one.decodedBodySize)"
    return int(where.evaluate(f"{entries}.reduce((sum, one) => sum + one.decodedBodySize, 0)"))


def faults(where: Page | Frame) -> list[str]:
    """What axe-core finds serious on a page, by rule and place."""
    if not where.evaluate("typeof window.axe === 'object'"):
        where.evaluate(_AXE)
    found = where.evaluate("async () => (await axe.run(document)).violations")
    return [
        f"{one['id']}: {node['target']} {node.get('failureSummary', '')}"
        for one in found
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


def picture(page: Page, name: str, *, readme: str = "") -> None:
    """Keep what is seen; ``readme`` is its name there, where that was asked for."""
    PICTURES.mkdir(exist_ok=True)
    seen = PICTURES / f"{name}.png"
    page.screenshot(path=seen, full_page=True)
    if readme and os.environ.get("GOVERNANCE_PICTURES") == "docs":
        with Image.open(seen) as image:  # few colours: a third of the size
            small = image.convert("RGB").quantize(96, dither=Image.Dither.NONE)
            small.save(ROOT / "docs" / "pictures" / f"{readme}.png", optimize=True)


def opened(home: Path) -> Governance:
    """The home of the tests, with its policy and declarations."""
    return Governance.open(
        settings=Settings.load(
            home=home,
            database_url=f"sqlite:///{home / 'governance.db'}",
            config=home / "governance.yaml",
            policy=home / "promotion_policy.yaml",
        )
    )


@dataclass(frozen=True)
class Alone:
    """The pages without Airflow, on a port of their own."""

    origin: str
    gov: Governance
    shown: world.Shown
    tokens: dict[str, str]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alone]:
    home = tmp_path_factory.mktemp("pages") / "home"
    world.declare(home)
    with opened(home) as gov, socket.create_server(("127.0.0.1", 0)) as listening:
        shown = world.build(gov, with_hostile=True)
        tokens = {
            role: gov.access.tokens.create(
                f"{role}-person", role=role, models="*", expires_in=timedelta(days=1), by="tests"
            )[0]
            for role in ("viewer", "operator")
        }
        app = mount_dashboard(create_app(gov), login=True)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            port = listening.getsockname()[1]
            yield Alone(f"http://127.0.0.1:{port}", gov, shown, tokens)
        finally:
            server.should_exit = True
            thread.join(30)
