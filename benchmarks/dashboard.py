"""How long the pages take at the server, how large they are, how many statements each asks.

    python benchmarks/dashboard.py [--models 1000] [--rounds 20] [--folder .bench] [--json]

A home with 1,000 models, 10,000 versions, 10^6 audit entries and 10,000 alerts is made once below
the folder (a minute), and used again. Each round asks every page once, by a viewer of everything
who logged in by a token, through the whole app: guard, reads, template, compression.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import re
import sys
import warnings
from dataclasses import fields
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import event

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # run as a script, the first folder there is this file's own

warnings.filterwarnings("ignore", message=".*starlette.testclient.*")

from fastapi.testclient import TestClient  # noqa: E402 - after the path

from benchmarks.harness.pages_home import FULL, Sizes, ready  # noqa: E402
from benchmarks.harness.timing import Samples, milliseconds  # noqa: E402
from governance import Governance  # noqa: E402
from governance.api import create_app  # noqa: E402
from governance.dashboard import mount_dashboard  # noqa: E402

WARM_UP = 2
LIMIT_MS, HEAT_LIMIT_MS = 150.0, 300.0
LIMIT_BYTES = 1_000_000
HEAT = "drift, 90 days"


def pages(gov: Governance) -> dict[str, str]:
    """Addresses by what they are called in the table."""
    live = gov.registry.get_production_model(FULL)
    assert live is not None
    challenger = gov.registry.get_latest_version(FULL, "staging")
    assert challenger is not None
    (decision,) = gov.promotion.decisions(FULL, limit=1)
    return {
        "overview": "",
        "overview, filtered": "?q=model-01&show=alerts&sort=decided",
        "model": f"/models/{FULL}",
        "version": f"/models/{FULL}/versions/{live.version}",
        "challengers": "/challengers",
        "challenger": f"/models/{FULL}/versions/{challenger.version}/trial",
        "drift, 30 days": f"/models/{FULL}/drift",
        HEAT: f"/models/{FULL}/drift?days=90",
        "decisions": "/decisions",
        "decision": f"/decisions/{decision.id}?replay=true",
        "alerts": "/alerts",
        "alerts, closed": "/alerts?state=closed",
        "audit": "/audit",
        "audit, one action": "/audit?action=promotion.decided",
        "audit of a model": "/models/model-0500/audit",
    }


def measure(home: Path, rounds: int) -> dict[str, Any]:
    taken = Samples()
    counted: dict[str, int] = {}
    large: dict[str, dict[str, int]] = {}
    asked: list[str] = []
    with Governance.open(home=home, database=f"sqlite:///{home / 'governance.db'}") as gov:
        event.listen(gov.database.engine, "before_cursor_execute", lambda *all_: asked.append("."))
        secret, _ = gov.access.tokens.create("bench", role="viewer", expires_in=None, by="bench")
        app = mount_dashboard(create_app(gov), login=True)
        with TestClient(app) as client:
            client.headers.update({"accept": "text/html", "authorization": f"Bearer {secret}"})
            addresses = pages(gov)
            addresses["a cell"] = _cell(client, addresses[HEAT])
            for number in range(-WARM_UP, rounds):
                for name, path in addresses.items():
                    asked.clear()
                    answer: Any = None

                    def ask(path: str = path) -> None:
                        nonlocal answer
                        answer = client.get(f"/dashboard{path}")

                    spent = milliseconds(ask)
                    assert answer.status_code == 200, (path, answer.text[:500])
                    if number >= 0:
                        taken.add(name, spent)
                    counted[name] = len(asked)
                    large[name] = _bytes(client, answer)
    return {
        "benchmark": "dashboard",
        "rounds": rounds,
        "pages": {
            name: {**said, "statements": counted[name], **large[name]}
            for name, said in taken.summary().items()
        },
        "targets": {
            name: {
                "limit_ms": HEAT_LIMIT_MS if name == HEAT else LIMIT_MS,
                "met": taken.median(name) <= (HEAT_LIMIT_MS if name == HEAT else LIMIT_MS)
                and large[name]["all_bytes"] < LIMIT_BYTES,
            }
            for name in large
        },
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def _cell(client: TestClient, heat: str) -> str:
    text = client.get(f"/dashboard{heat}").text
    found = re.search(r"class=s href=drift/([0-9a-f]{12}\.\d+)", text)
    assert found is not None, "no severe cell"
    return f"/models/{FULL}/drift/{found[1]}"


def _bytes(client: TestClient, answer: Any) -> dict[str, int]:
    """Of the page as it is and as it is sent; and of all that a browser fetches for it the first
    time.
    """
    files = set(re.findall(r'(?:href|src)="(/dashboard/files/[^"]+)"', answer.text))
    whole = len(answer.content)
    return {
        "bytes": whole,
        "sent_bytes": len(gzip.compress(answer.content, compresslevel=5)),
        "all_bytes": whole + sum(len(client.get(one).content) for one in files),
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for field in fields(Sizes):
        parser.add_argument(f"--{field.name}", type=int, default=field.default)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--folder", type=Path, default=ROOT / ".bench")
    parser.add_argument("--json", action="store_true", help="one last line of JSON")
    parser.add_argument("--check", action="store_true", help="exit 1 if a target is missed")
    given = parser.parse_args(arguments)
    console = Console(stderr=given.json)
    with console.status("the home of the benchmark is made ready"):
        sizes = Sizes(**{field.name: getattr(given, field.name) for field in fields(Sizes)})
        home = ready(given.folder, sizes)
    result = measure(home, given.rounds)
    if given.json:
        print(json.dumps(result))
    else:
        console.print(_table(result))
    missed = [name for name, target in result["targets"].items() if not target["met"]]
    return 1 if given.check and missed else 0


def _table(result: dict[str, Any]) -> Table:
    table = Table(title="pages at the server; how full the home is: --help")
    for word in (
        "page",
        "median ms",
        "p95 ms",
        "limit ms",
        "statements",
        "KB",
        "KB sent",
        "KB all",
    ):
        table.add_column(word, justify="left" if word == "page" else "right")
    for name, said in result["pages"].items():
        target = result["targets"][name]
        table.add_row(
            name,
            f"{said['median_ms']:.1f}",
            f"{said['p95_ms']:.1f}",
            f"{target['limit_ms']:g}{'' if target['met'] else ' MISSED'}",
            str(said["statements"]),
            *(f"{said[key] / 1000:.0f}" for key in ("bytes", "sent_bytes", "all_bytes")),
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
