"""Every read answers alike on both databases, for who sees all and for who sees a pattern."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.testclient import TestClient

from governance import Governance
from governance.api import create_app
from tests.api.conftest import People, identify
from tests.api.world import build, request_of, routes
from tests.versions import registered


def test_every_read_and_every_page_answers(gov: Governance) -> None:
    world = build(gov)
    registered(gov, 8, name="other-team-x")
    gov.validation.log_metrics(world.challenger, {"test": {"auc": 0.7, "brier": 0.1}}, by="ann")
    gov.shadow.update_shadow_metrics(world.challenger, {"trade_count": 15}, session_id="d1")
    app: FastAPI = create_app(gov, identify=identify)
    with TestClient(app) as client:
        people = People(client)
        for route in routes(app):
            if route.methods != {"GET"} or route.name == "get_job":
                continue
            path = request_of(app, route, world.ids)["path"]
            answer = people["admin"].get(path)
            assert answer.status_code == 200, (path, answer.text)
            if "cursor" not in {field.alias for field in route.dependant.query_params}:
                continue
            everything = answer.json()["items"]
            assert everything, path
            if path == "/audit":  # the whole log is for who sees all
                continue
            found, cursor = [], None
            while True:
                page = people["viewer"].get(path, limit=1, **({"cursor": cursor} if cursor else {}))
                found += page.json()["items"]
                if (cursor := page.json()["next_cursor"]) is None:
                    break
            assert found == [one for one in everything if "other-team-x" not in str(one)], path
