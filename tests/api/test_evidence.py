"""Stages, validation, metrics, trials, drift and incidents over HTTP."""

from __future__ import annotations

from datetime import timedelta

import pytest

from governance import Governance
from tests.api.conftest import As, People
from tests.api.world import AT, build, drift_alert, incident, report
from tests.decisions.eligible import policy, probed, promoted, staged
from tests.versions import NAME, registered, validated

FIRST = f"/models/{NAME}/versions/1.0.0"
SECOND = f"/models/{NAME}/versions/1.0.1"


def test_validated_and_moved_along_the_lifecycle(sqlite_gov: Governance, operator: As) -> None:
    probed(sqlite_gov, registered(sqlite_gov))
    said = operator.post(f"{FIRST}/validate").json()
    assert (said["verdict"], said["by"], said["operation"]) == ("pass", "operator", "validation")
    assert operator.post(f"{FIRST}/validate").json()["id"] == said["id"]
    move = {"stage": "staging", "reason": "trial"}
    assert operator.post(f"{FIRST}/transitions", move).json()["stage"] == "staging"
    again = operator.post(f"{FIRST}/transitions", move)  # a repeated call is harmless
    assert (again.status_code, again.json()["stage"]) == (200, "staging")
    for stage, code in (("production", "use_promotion"), ("trained", "illegal_transition")):
        refused = operator.post(f"{FIRST}/transitions", {"stage": stage, "reason": "x"})
        assert (refused.status_code, refused.json()["code"]) == (409, code)


def test_the_first_value_of_a_metric_stays(sqlite_gov: Governance, operator: As) -> None:
    registered(sqlite_gov)
    asked = {"metrics": {"test": {"auc": 0.7, "brier": None}, "train": {"auc": 0.9}}}
    assert operator.post(f"{FIRST}/metrics", asked).json() == {"new": 2}
    assert operator.post(f"{FIRST}/metrics", asked).json() == {"new": 0}
    other = operator.post(f"{FIRST}/metrics", {"metrics": {"test": {"auc": 0.8}}})
    assert (other.status_code, other.json()["code"]) == (409, "metric_conflict")
    (found,) = operator.get(f"{FIRST}/metrics", split="test").json()["items"]
    assert (found["metric_value"], found["recorded_by"]) == (0.7, "operator")


def test_a_trial_from_start_to_stop(sqlite_gov: Governance, operator: As) -> None:
    policy(sqlite_gov)
    promoted(sqlite_gov, 1)
    validated(sqlite_gov, 2)
    trial = operator.post(f"{SECOND}/shadow/start").json()
    assert (trial["version"], trial["benchmark"], trial["started_by"]) == (
        "1.0.1",
        "1.0.0",
        "operator",
    )
    assert operator.post(f"{SECOND}/shadow/start").json()["id"] == trial["id"]
    session = {
        "session_id": "d1",
        "stats": {"trade_count": 15, "sharpe_ratio": 0.8, "returns": [0.01, -0.02]},
        "at": "2013-02-01T21:00:00Z",
    }
    said = operator.post(f"{SECOND}/shadow/sessions", session).json()
    assert said["metrics"]["sessions_completed"] == 1
    assert operator.post(f"{SECOND}/shadow/sessions", session).status_code == 200
    session["stats"] = {"trade_count": 16}
    other = operator.post(f"{SECOND}/shadow/sessions", session)
    assert (other.status_code, other.json()["code"]) == (409, "metric_conflict")
    empty = operator.post(f"{SECOND}/shadow/sessions", {"session_id": "d2", "stats": {}})
    assert (empty.status_code, empty.json()["code"]) == (422, "invalid_evidence")
    (recorded,) = operator.get(f"{SECOND}/shadow/sessions").json()["items"]
    assert recorded["stats"]["returns"] == [0.01, -0.02]
    assert operator.get(f"{SECOND}/shadow").json()["benchmark"] == "1.0.0"
    (listed,) = operator.get("/shadow").json()["items"]
    assert listed["id"] == trial["id"]
    assert operator.get("/shadow", model="momentum-2").json()["items"] == []
    stopped = operator.post(f"{SECOND}/shadow/stop", {"reason": "enough"})
    assert stopped.json()["stage"] == "validated"
    assert operator.get("/shadow").json()["items"] == []


def test_incidents_are_handled_by_who_asks(sqlite_gov: Governance, people: People) -> None:
    policy(sqlite_gov)
    found = incident(sqlite_gov, promoted(sqlite_gov, 1))
    operator = people["operator"]
    (listed,) = operator.get("/alerts", state="open").json()["items"]
    assert listed["id"] == found
    assert operator.get("/alerts", state="closed").json()["items"] == []
    seen = operator("POST", f"/alerts/{found}/acknowledge")
    assert seen.json()["acknowledged_by"] == "operator"
    assert operator.post(f"/alerts/{found}/acknowledge").status_code == 200
    other = people["approver"].post(f"/alerts/{found}/acknowledge")
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    past = operator.post(f"/alerts/{found}/snooze", {"until": "2013-02-02T08:00:00Z"})
    assert past.status_code == 422
    until = operator.post(f"/alerts/{found}/snooze", {"until": "2999-02-02T08:00:00Z"})
    assert until.json()["snoozed_until"] == "2999-02-02T08:00:00Z"
    naive = operator.post(f"/alerts/{found}/snooze", {"until": "2999-02-02T08:00:00"})
    assert naive.status_code == 422 and "zone" in naive.json()["detail"]
    assert people["viewer"].post(f"/alerts/{found}/acknowledge").status_code == 403


def test_drift_reports_and_alerts(sqlite_gov: Governance, people: People) -> None:
    policy(sqlite_gov)
    version = promoted(sqlite_gov, 1)
    ids = [report(sqlite_gov, version, AT + timedelta(hours=hour)) for hour in range(3)]
    viewer, operator = people["viewer"], people["operator"]
    page = viewer.get("/drift/reports", limit=2).json()
    assert [one["id"] for one in page["items"]] == [ids[2], ids[1]]
    rest = viewer.get("/drift/reports", limit=2, cursor=page["next_cursor"]).json()
    assert [one["id"] for one in rest["items"]] == [ids[0]] and rest["next_cursor"] is None
    some = viewer.get("/drift/reports", since="2013-02-08T20:00:00Z", severity="severe").json()
    assert [one["id"] for one in some["items"]] == [ids[2]]
    assert viewer.get(f"/drift/reports/{ids[0]}").json()["reasons"] == ["visib moved"]
    number = drift_alert(sqlite_gov, version)
    (alert,) = viewer.get("/drift/alerts", is_alert=True, acknowledged=False).json()["items"]
    assert alert["id"] == number
    seen = operator("POST", f"/drift/alerts/{number}/acknowledge")
    assert seen.json()["acknowledged_by"] == "operator"
    assert viewer.get("/drift/alerts", acknowledged=False).json()["items"] == []
    assert operator("POST", "/drift/alerts/999/acknowledge").status_code == 404
    for path in ("/drift/reports", "/drift/alerts", "/alerts", "/approvals", "/decisions"):
        assert viewer.get(path, cursor="nonsense").status_code == 422, path


@pytest.mark.parametrize("path", ["/decisions", "/approvals", "/alerts", "/drift/alerts"])
def test_pages_of_every_list_cover_it_once(path: str, sqlite_gov: Governance, viewer: As) -> None:
    policy(sqlite_gov)
    for number in range(3):
        name = f"momentum-{number}"
        version = staged(sqlite_gov, number, name=name)
        sqlite_gov.approvals.request(version, by="ann", idempotency_key=name)
        sqlite_gov.promotion.promote_to_production(version, by="eve")
        incident(sqlite_gov, version)
        drift_alert(sqlite_gov, version)
    whole = [one["id"] for one in viewer.get(path).json()["items"]]
    assert len(whole) >= 3
    found, cursor = [], None
    while True:
        params = {"limit": 1} | ({} if cursor is None else {"cursor": cursor})
        page = viewer.get(path, **params).json()
        found += [one["id"] for one in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert found == whole


def test_the_dashboard_shows_what_one_sees(sqlite_gov: Governance, people: People) -> None:
    build(sqlite_gov)
    registered(sqlite_gov, 7, name="other-team-x")
    said = people["viewer"].get("/dashboard").json()
    assert said["models"] == 1 and said["versions_by_stage"]["production"] == 1
    assert said["drift"]["severe"] == 1 and said["drift"]["none"] == 0
    for key in ("open_incidents", "running_trials", "pending_approvals", "latest_decisions"):
        assert len(said[key]) == 1, key
    other = people["stranger"].get("/dashboard").json()
    assert other["models"] == 1 and other["latest_decisions"] == []
    assert other["drift"] == {
        "normal": 0,
        "moderate": 0,
        "severe": 0,
        "insufficient": 0,
        "none": 1,
    }
    assert people["admin"].get("/dashboard").json()["models"] == 2
