"""Every page on SQLite and on PostgreSQL: the same world, the same words."""

from __future__ import annotations

from fastapi.routing import APIRoute

from governance import Governance
from governance.store.drift_tables import model_drift_report_features
from tests.api.world import build
from tests.dashboard.conftest import BASE, browsing, look


def test_every_page_opens_on_both(gov: Governance) -> None:
    world = build(gov)
    found = look(gov, world.champion, days_ago=1, severe=("visib",))
    known = {**world.ids, "cell": f"{found[:12]}.0"}
    with browsing(gov) as browser:
        opened = 0
        for route in browser.app.routes:
            if not isinstance(route, APIRoute) or not route.path.startswith(BASE):
                continue
            path = route.path.removeprefix(BASE)
            for name, value in known.items():
                path = path.replace(f"{{{name}}}", value)
            if "{" in path or "POST" in route.methods:
                continue
            answer = browser.get(path)
            assert answer.status_code == 200, (path, answer.text)
            opened += 1
        assert opened == 13
        for query in ("?q=mom&sort=decided", "?show=drift", "?show=alerts&sort=challengers"):
            assert world.ids["model"] in browser.get(query).text
        assert browser.get("/alerts?state=all").status_code == 200
        assert browser.get("/audit?action=version.registered").status_code == 200
        assert browser.post("/audit/verify").status_code == 200
        one = f"/alerts/{world.ids['incident_id']}"
        assert browser.post(f"{one}/snooze", data={"hours": "4"}).status_code == 303
        assert browser.post(f"{one}/acknowledge").status_code == 303


def test_a_severity_that_nobody_knows_is_never_shown_as_fine(sqlite_gov: Governance) -> None:
    world = build(sqlite_gov)
    look(sqlite_gov, world.champion, days_ago=-1, severe=("visib",))
    with sqlite_gov.database.begin() as tx:
        tx.execute(model_drift_report_features.update().values(severity="splendid"))
    with browsing(sqlite_gov) as browser:
        text = browser.get(f"/models/{world.ids['model']}/drift").text
    assert "class=i href" in text and "class=n href" not in text
