"""Promote, force, roll back and approve over HTTP: who did it is who asked."""

from __future__ import annotations

from governance import Governance
from governance.api.shapes.decisions import DecisionShown
from tests.api.conftest import As, People
from tests.decisions.eligible import policy, promoted, staged
from tests.versions import NAME, champion, registered, validated

FIRST = f"/models/{NAME}/versions/1.0.0"
SECOND = f"/models/{NAME}/versions/1.0.1"


def test_promoted_by_the_gates_and_replayed(sqlite_gov: Governance, operator: As) -> None:
    policy(sqlite_gov)
    version = staged(sqlite_gov)
    asked = operator.post(f"{FIRST}/check")
    assert asked.json()["eligible"] is True and asked.json()["id"] is None
    done = operator.post(f"{FIRST}/promote", headers={"If-Match": '"0"'})
    assert done.status_code == 200, done.text
    said = done.json()
    assert (said["by"], said["generation"], said["version_id"]) == ("operator", 1, version.id)
    link = sqlite_gov.settings.home / "active" / f"{NAME}_active"
    assert link.resolve() == (sqlite_gov.settings.home / version.artifact_path).resolve()
    whole = operator.get(f"/decisions/{said['id']}").json()
    assert whole["facts"]["candidate"]["version_id"] == version.id
    again = operator.get(f"/decisions/{said['id']}/replay").json()
    assert again["same"] and again["verdict_hash"] == said["verdict_hash"]
    (listed,) = operator.get("/decisions", model=NAME, operation="promotion").json()["items"]
    assert listed["id"] == said["id"] and listed["checks"]
    assert DecisionShown.model_validate(listed).model_dump(mode="json") == listed


def test_the_loser_of_two_promotions_learns_where_the_model_stands(
    sqlite_gov: Governance, operator: As
) -> None:
    policy(sqlite_gov)
    promoted(sqlite_gov, 1)
    staged(sqlite_gov, 2)
    seen = operator.get(f"/models/{NAME}").headers["etag"]
    assert seen == '"1"'
    late = operator.post(f"{SECOND}/promote", headers={"If-Match": '"0"'})
    assert late.status_code == 409
    assert late.json()["code"] == "stale_generation"
    assert (late.json()["generation"], late.json()["version"]) == (1, "1.0.0")
    assert operator.post(f"{SECOND}/promote", headers={"If-Match": "1"}).status_code == 422
    assert operator.post(f"{SECOND}/promote", headers={"If-Match": seen}).status_code == 200


def test_a_key_stands_for_one_answer(sqlite_gov: Governance, operator: As) -> None:
    policy(sqlite_gov)
    staged(sqlite_gov, 1)
    staged(sqlite_gov, 2)
    key = {"Idempotency-Key": "ticket-1"}
    first = operator.post(f"{FIRST}/promote", headers=key)
    assert operator.post(f"{FIRST}/promote", headers=key).json() == first.json()
    other = operator.post(f"{SECOND}/promote", headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert sqlite_gov.registry.generation(NAME) == 1


def test_a_key_is_its_callers_own(sqlite_gov: Governance, people: People) -> None:
    """Else one team's key could keep another team from promoting, or tell that it has."""
    policy(sqlite_gov)
    staged(sqlite_gov, 1)
    key = {"Idempotency-Key": "nightly"}
    theirs = people["stranger"].post(
        "/models/other-team-x/drift/scan", {"at": "2013-02-01T00:00:00Z"}, headers=key
    )
    assert theirs.status_code == 202
    registered(sqlite_gov, 5, name="other-team-x")
    staged(sqlite_gov, 6, name="other-team-y")
    assert (
        people["stranger"]
        .post("/models/other-team-y/versions/1.0.0/approvals", headers=key)
        .status_code
        == 201
    )
    scan = {"at": "2013-02-02T00:00:00Z"}
    ours = people["operator"].post(f"/models/{NAME}/drift/scan", scan, headers=key)
    assert ours.status_code == 202 and ours.json()["id"] != theirs.json()["id"]
    done = people["operator"].post(f"{FIRST}/promote", headers=key)
    assert done.status_code == 200, done.text
    assert people["operator"].post(f"{FIRST}/promote", headers=key).json() == done.json()


def test_another_models_approval_is_none(sqlite_gov: Governance, people: People) -> None:
    policy(sqlite_gov, "require_approval: true", further="force: {allowed: [admin]}\n")
    staged(sqlite_gov)
    staged(sqlite_gov, 2, name="other-team-x")
    path = "/models/other-team-x/versions/1.0.0/approvals"
    theirs = people["stranger"].post(path).json()["id"]
    told = [
        people["operator"].post(f"{FIRST}/promote", {"approval_id": one})
        for one in (theirs, "0" * 32)
    ]
    assert [one.status_code for one in told] == [404, 404]
    assert told[0].json() == told[1].json()
    forced = {"approval_id": theirs, "reason": "the champion loses money"}
    assert people["admin"].post(f"{FIRST}/force", forced).status_code == 404
    assert sqlite_gov.promotion.decisions(NAME) == []


def test_a_refused_promotion_carries_its_decision(sqlite_gov: Governance, operator: As) -> None:
    policy(sqlite_gov, "min_soak_hours: 5")
    staged(sqlite_gov)
    refused = operator.post(f"{FIRST}/promote")
    assert (refused.status_code, refused.json()["code"]) == (409, "gate_failed")
    decision = refused.json()["decision"]
    assert decision["eligible"] is False and decision["by"] == "operator"
    assert operator.get(f"/decisions/{decision['id']}").json()["verdict"] == decision["verdict"]


def test_an_approval_is_answered_by_who_asks_and_used_once(
    sqlite_gov: Governance, people: People
) -> None:
    policy(sqlite_gov, "require_approval: true")
    staged(sqlite_gov)
    operator, approver = people["operator"], people["approver"]
    asked = operator.post(f"{FIRST}/approvals", headers={"Idempotency-Key": "t"})
    assert asked.status_code == 201
    approval = asked.json()["id"]
    again = operator.post(f"{FIRST}/approvals", headers={"Idempotency-Key": "t"})
    assert again.json()["id"] == approval
    answer = {"approve": True, "comment": "looked at the trial"}
    assert operator.post(f"/approvals/{approval}/answer", answer).status_code == 403
    # Nobody says in a body who they are.
    assert (
        approver.post(f"/approvals/{approval}/answer", {**answer, "by": "max"}).status_code == 422
    )
    answered = approver.post(f"/approvals/{approval}/answer", answer)
    assert answered.json()["answered_by"] == "approver"
    for field in ("by", "approved_by"):
        body = {"approval_id": approval, field: "eve"}
        assert operator.post(f"{FIRST}/promote", body).status_code == 422
    done = operator.post(f"{FIRST}/promote", {"approval_id": approval})
    assert done.json()["approved_by"] == "approver"
    assert operator.get(f"/approvals/{approval}").json()["state"] == "used"
    (listed,) = operator.get("/approvals", state="used").json()["items"]
    assert listed["decision_id"] == done.json()["id"]


def test_who_made_the_version_does_not_approve_it(sqlite_gov: Governance, people: People) -> None:
    policy(sqlite_gov, "require_approval: true")
    staged(sqlite_gov, created_by="approver")
    approval = people["operator"].post(f"{FIRST}/approvals").json()["id"]
    refused = people["approver"].post(
        f"/approvals/{approval}/answer", {"approve": True, "comment": "mine"}
    )
    assert (refused.status_code, refused.json()["code"]) == (403, "approver_not_allowed")


def test_force_takes_the_right_and_a_place_in_the_policy(
    sqlite_gov: Governance, people: People
) -> None:
    policy(sqlite_gov, "min_soak_hours: 5")
    validated(sqlite_gov)
    reason = {"reason": "the champion loses money by the minute"}
    assert people["approver"].post(f"{FIRST}/force", reason).status_code == 403
    refused = people["admin"].post(f"{FIRST}/force", reason)
    assert refused.status_code == 403 and "force.allowed" in refused.json()["detail"]
    denied = sqlite_gov.audit.entries(action="force.denied")
    assert [entry.actor for entry in denied] == ["admin"]
    policy(sqlite_gov, "min_soak_hours: 5", further="force: {allowed: [admin, approver]}\n")
    # The policy's list alone is not enough either.
    assert people["approver"].post(f"{FIRST}/force", reason).status_code == 403
    assert people["admin"].post(f"{FIRST}/force", {"reason": "short"}).status_code == 422
    done = people["admin"].post(f"{FIRST}/force", reason, headers={"Idempotency-Key": "f1"})
    assert done.status_code == 200, done.text
    assert done.json()["forced"] is True and done.json()["eligible"] is False
    again = people["admin"].post(f"{FIRST}/force", reason, headers={"Idempotency-Key": "f1"})
    assert again.json()["id"] == done.json()["id"]


def test_rolled_back_with_a_reason(sqlite_gov: Governance, operator: As) -> None:
    policy(sqlite_gov)
    promoted(sqlite_gov, 1)
    promoted(sqlite_gov, 2)
    path = f"/models/{NAME}/rollback"
    assert operator.post(path).status_code == 422
    stale = operator.post(path, {"reason": "errors"}, headers={"If-Match": '"1"'})
    assert stale.json()["code"] == "stale_generation"
    done = operator.post(path, {"reason": "errors"}, headers={"If-Match": '"2"'})
    assert (done.json()["version"], done.json()["generation"]) == ("1.0.0", 3)
    page = operator.get(f"/models/{NAME}/activations", limit=2).json()
    cursor = page["next_cursor"]
    (last,) = operator.get(f"/models/{NAME}/activations", cursor=cursor).json()["items"]
    assert (last["operation"], last["by"], last["reason"]) == ("rollback", "operator", "errors")
    nothing = operator.post(path, {"reason": "again"})
    assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing_to_roll_back")


def test_another_models_version_is_no_target(sqlite_gov: Governance, operator: As) -> None:
    champion(sqlite_gov, 1)
    other = registered(sqlite_gov, 2, name="other-team-x")
    asked = {"reason": "errors", "to_version": other.id}
    assert operator.post(f"/models/{NAME}/rollback", asked).status_code == 404
    assert operator.post(f"/models/{NAME}/versions/{other.id}/promote").status_code == 404
