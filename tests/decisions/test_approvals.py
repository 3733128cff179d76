"""A person is asked before a version decides: what an approval is bound to; it counts once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select

from governance import Governance
from governance.decisions.approval_records import Approval
from governance.errors import (
    ApprovalNotUsableError,
    ApproverNotAllowedError,
    ConflictError,
    GateFailedError,
    IdempotencyConflictError,
    IllegalTransitionError,
    InvalidInputError,
    NotFoundError,
    ReasonRequiredError,
    StaleGenerationError,
)
from governance.history.notices import list_notices
from governance.store.promotion_tables import approvals
from governance.values import ModelVersion, Stage, Verdict, parse_time
from tests.decisions.eligible import policy, promoted, staged
from tests.versions import NAME, actions, champion, head, registered

LONG_AGO = datetime(2013, 2, 1, tzinfo=UTC)


def _asked(gov: Governance, version: ModelVersion, key: str = "k", **given: Any) -> Approval:
    return gov.approvals.request(version, by="eve", idempotency_key=key, **given)


def _approved(gov: Governance, version: ModelVersion, key: str = "k", **given: Any) -> Approval:
    asked = _asked(gov, version, key, **given)
    return gov.approvals.answer(asked.id, approve=True, by="max", comment="looks right")


def _promote(gov: Governance, version: ModelVersion, approval: Approval, **given: Any) -> Any:
    return gov.promotion.promote_to_production(version, by="eve", approval_id=approval.id, **given)


@pytest.fixture
def strict(gov: Governance) -> Governance:
    """Nothing is promoted without an approval."""
    policy(gov, "require_approval: true")
    return gov


@pytest.fixture
def strict_sqlite(sqlite_gov: Governance) -> Governance:
    policy(sqlite_gov, "require_approval: true")
    return sqlite_gov


# -- the way it goes ------------------------------------------------------------------------------


def test_asked_approved_promoted_and_used_up(strict: Governance) -> None:
    version = staged(strict)
    with pytest.raises(GateFailedError, match="request an approval") as refusal:
        strict.promotion.promote_to_production(version, by="eve")
    assert refusal.value.decision.awaits_approval  # type: ignore[attr-defined]
    before = head(strict)
    asked = _asked(strict, version)
    assert (asked.state, asked.generation, asked.digest) == ("pending", 0, version.digest)
    assert asked.expires_at - asked.requested_at == timedelta(hours=72)
    assert strict.registry.resolve(version).stage is Stage.STAGING  # nothing is blocked
    answered = strict.approvals.answer(asked.id, approve=True, by="max", comment="looks right")
    assert (answered.state, answered.answered_by) == ("approved", "max")
    decision = _promote(strict, version, asked)
    assert decision.eligible and not decision.overridden
    assert (decision.approved_by, decision.approval_id) == ("max", asked.id)
    assert decision.policy_digest == asked.policy_digest
    used = strict.approvals.get(asked.id)
    assert (used.state, used.decision_id) == ("used", decision.id)
    seen = actions(strict, after=before)
    assert seen == ["approval.requested", "approval.answered", "promotion.decided", "stage.changed"]
    entry = strict.audit.entries(action="promotion.decided")[-1]
    assert entry.details["approval"] == asked.id
    assert strict.audit.verify()


def test_a_name_will_do_for_the_library(strict_sqlite: Governance) -> None:
    version = staged(strict_sqlite)
    promote = strict_sqlite.promotion.promote_to_production
    with pytest.raises(GateFailedError, match="somebody else must approve"):
        promote(version, by="eve", approved_by="ann")
    assert promote(version, by="eve", approved_by="max").approved_by == "max"


def test_who_is_waited_for_is_told(strict_sqlite: Governance) -> None:
    asked = _asked(strict_sqlite, staged(strict_sqlite))
    with strict_sqlite.database.read() as connection:
        (notice,) = list_notices(connection)
    assert notice["kind"] == "approval"
    assert asked.model in notice["headline"]


def test_rejected_promotes_nothing(strict: Governance) -> None:
    version = staged(strict)
    asked = _asked(strict, version)
    strict.approvals.answer(asked.id, approve=False, by="ann", comment="wrong quarter")
    with pytest.raises(ApprovalNotUsableError, match="rejected by ann"):
        _promote(strict, version, asked)
    assert strict.registry.resolve(version).stage is Stage.STAGING


def test_unanswered_promotes_nothing(strict_sqlite: Governance) -> None:
    version = staged(strict_sqlite)
    with pytest.raises(ApprovalNotUsableError, match="not answered"):
        _promote(strict_sqlite, version, _asked(strict_sqlite, version))


def test_used_promotes_nothing_more(strict: Governance) -> None:
    policy(strict)
    first = staged(strict, 1)
    approval = _approved(strict, first)
    _promote(strict, first, approval)
    promoted(strict, 2)
    strict.promotion.rollback_model(NAME, by="eve", reason="back")
    other = staged(strict, 3)
    with pytest.raises(ApprovalNotUsableError, match="used by another"):
        _promote(strict, other, approval)


def test_the_same_key_replays_though_the_approval_is_used(strict_sqlite: Governance) -> None:
    version = staged(strict_sqlite)
    approval = _approved(strict_sqlite, version)
    first = _promote(strict_sqlite, version, approval, idempotency_key="p")
    assert _promote(strict_sqlite, version, approval, idempotency_key="p") == first
    with pytest.raises(IdempotencyConflictError):
        strict_sqlite.promotion.promote_to_production(version, by="eve", idempotency_key="p")


def test_a_refused_promotion_does_not_use_it_up(strict_sqlite: Governance) -> None:
    gov = strict_sqlite
    policy(gov, "require_approval: true", "required_evidence: [fairness]")
    version = staged(gov)
    approval = _approved(gov, version)
    with pytest.raises(GateFailedError, match="fairness") as refusal:
        _promote(gov, version, approval)
    assert refusal.value.decision.approval_id == approval.id  # type: ignore[attr-defined]
    assert gov.approvals.get(approval.id).state == "approved"


# -- what it is bound to --------------------------------------------------------------------------


def test_another_version_is_another_thing(strict_sqlite: Governance) -> None:
    one, other = staged(strict_sqlite, 1), staged(strict_sqlite, 2)
    approval = _approved(strict_sqlite, one)
    with pytest.raises(ApprovalNotUsableError, match="another version"):
        _promote(strict_sqlite, other, approval)


def test_another_policy_is_another_thing(strict_sqlite: Governance) -> None:
    version = staged(strict_sqlite)
    approval = _approved(strict_sqlite, version)
    with pytest.raises(ApprovalNotUsableError, match="another policy"):
        _promote(strict_sqlite, version, approval, overrides={"max_drift_age_hours": 1})
    policy(strict_sqlite, "require_approval: true", "max_drift_age_hours: 1")
    with pytest.raises(ApprovalNotUsableError, match="another policy"):
        _promote(strict_sqlite, version, approval)


def test_a_comment_in_the_policy_file_is_no_other_policy(strict_sqlite: Governance) -> None:
    version = staged(strict_sqlite)
    approval = _approved(strict_sqlite, version)
    path = strict_sqlite.settings.policy_path
    path.write_text("# reviewed\n" + path.read_text())
    assert _promote(strict_sqlite, version, approval).generation == 1


def test_another_generation_is_another_thing(strict: Governance) -> None:
    version = staged(strict, 1)
    approval = _approved(strict, version)
    champion(strict, 2)
    with pytest.raises(ApprovalNotUsableError, match="another generation"):
        _promote(strict, version, approval)


def test_an_approval_of_a_promotion_is_none_of_a_force(strict_sqlite: Governance) -> None:
    version = staged(strict_sqlite)
    approval = _approved(strict_sqlite, version)
    with pytest.raises(ApprovalNotUsableError, match="another purpose"):
        _promote(strict_sqlite, version, approval, force=True, reason="now")


def test_overrides_are_approved_with_the_request(strict_sqlite: Governance) -> None:
    policy(strict_sqlite, "required_evidence: [fairness]", "approvers: [max]")
    version = staged(strict_sqlite)
    less: dict[str, Any] = {"required_evidence": []}
    approval = _approved(strict_sqlite, version, overrides=less)
    with pytest.raises(InvalidInputError, match="needs a reason"):
        _promote(strict_sqlite, version, approval, overrides=less)
    decision = _promote(strict_sqlite, version, approval, overrides=less, reason="no groups yet")
    assert decision.overridden and decision.approved_by == "max"


def test_a_name_beside_an_approval_must_be_its_own(strict_sqlite: Governance) -> None:
    version = staged(strict_sqlite)
    approval = _approved(strict_sqlite, version)
    with pytest.raises(InvalidInputError, match="max gave this approval"):
        _promote(strict_sqlite, version, approval, approved_by="tim")
    assert _promote(strict_sqlite, version, approval, approved_by="max").generation == 1


# -- who may --------------------------------------------------------------------------------------


def test_the_creator_may_not_approve_unless_the_policy_says_so(strict: Governance) -> None:
    version = staged(strict)
    asked = _asked(strict, version)
    with pytest.raises(ApproverNotAllowedError, match="ann created the version"):
        strict.approvals.answer(asked.id, approve=True, by="ann", comment="mine")
    policy(strict, "require_approval: true", "creator_may_approve: true")
    again = _asked(strict, version, "another")
    strict.approvals.answer(again.id, approve=True, by="ann", comment="mine")
    assert _promote(strict, version, again).approved_by == "ann"


def test_who_asked_may_answer_if_somebody_else_made_the_version(strict_sqlite: Governance) -> None:
    version = staged(strict_sqlite)
    asked = _asked(strict_sqlite, version)
    strict_sqlite.approvals.answer(asked.id, approve=True, by="eve", comment="yes")
    assert _promote(strict_sqlite, version, asked).approved_by == "eve"


def test_only_those_on_the_list_may_approve(strict_sqlite: Governance) -> None:
    policy(strict_sqlite, "require_approval: true", "approvers: [tim]")
    version = staged(strict_sqlite)
    asked = _asked(strict_sqlite, version)
    with pytest.raises(ApproverNotAllowedError, match="not among"):
        strict_sqlite.approvals.answer(asked.id, approve=True, by="max", comment="yes")
    assert strict_sqlite.approvals.get(asked.id).state == "pending"
    assert strict_sqlite.approvals.answer(asked.id, approve=True, by="tim", comment="yes")


def test_who_may_is_asked_at_use_again(strict_sqlite: Governance) -> None:
    """Whoever was allowed to answer and is not any more: the policy is another one by then."""
    version = staged(strict_sqlite)
    approval = _approved(strict_sqlite, version)
    with strict_sqlite.database.begin() as tx:
        tx.execute(approvals.update().values(answered_by="ann"))  # by whoever owns the file
    with pytest.raises(GateFailedError, match="ann created the version"):
        _promote(strict_sqlite, version, approval)


def test_a_force_is_approved_by_those_who_may_force(strict: Governance) -> None:
    policy(strict, further="force:\n  allowed: [tim]\n")
    version = staged(strict)
    asked = _asked(strict, version, purpose="force")
    with pytest.raises(ApproverNotAllowedError, match=r"force\.allowed"):
        strict.approvals.answer(asked.id, approve=True, by="max", comment="yes")
    strict.approvals.answer(asked.id, approve=True, by="tim", comment="yes")
    decision = _promote(strict, version, asked, force=True, reason="the old one is down")
    assert decision.forced and decision.approved_by == "tim"


def test_the_right_to_force_is_asked_again_when_the_approval_is_used(strict: Governance) -> None:
    policy(strict, further="force:\n  allowed: [tim]\n")
    version = staged(strict)
    asked = _asked(strict, version, purpose="force")
    strict.approvals.answer(asked.id, approve=True, by="tim", comment="yes")
    policy(strict, further="force:\n  allowed: [eve]\n")
    with pytest.raises(ApproverNotAllowedError, match="tim may not force"):
        _promote(strict, version, asked, force=True, reason="the old one is down")
    assert strict.approvals.get(asked.id).state == "approved"
    assert strict.registry.resolve(version).stage is Stage.STAGING


def test_the_creator_approves_no_force_either(strict_sqlite: Governance) -> None:
    gov = strict_sqlite
    policy(gov, further="force:\n  allowed: [ann, tim]\n")
    version = staged(gov)
    asked = _asked(gov, version, purpose="force")
    for name in ("ann", "\uff21nn"):
        with pytest.raises(ApproverNotAllowedError):
            gov.approvals.answer(asked.id, approve=True, by=name, comment="mine")
        with pytest.raises(ApproverNotAllowedError, match="created the version"):
            gov.promotion.promote_to_production(
                version, by="eve", approved_by=name, force=True, reason="the old one is down"
            )
    assert gov.promotion.decisions(NAME, operation="promotion") == []
    gov.approvals.answer(asked.id, approve=True, by="tim", comment="yes")
    with gov.database.begin() as tx:
        tx.execute(approvals.update().values(answered_by="ann"))  # by whoever owns the file
    with pytest.raises(ApproverNotAllowedError, match="created the version"):
        _promote(gov, version, asked, force=True, reason="the old one is down")
    policy(gov, "creator_may_approve: true")
    decision = gov.promotion.promote_to_production(
        version, by="eve", approved_by="ann", force=True, reason="the old one is down"
    )
    assert decision.forced and decision.approved_by == "ann"


def test_who_approves_a_force_by_name_is_on_the_list_of_approvers(
    strict_sqlite: Governance,
) -> None:
    policy(strict_sqlite, "approvers: [max]")
    version = staged(strict_sqlite)
    force = strict_sqlite.promotion.promote_to_production
    with pytest.raises(ApproverNotAllowedError, match="not among the approvers"):
        force(version, by="eve", approved_by="tim", force=True, reason="the old one is down")
    assert force(version, by="eve", approved_by="max", force=True, reason="it is down").forced


@pytest.mark.parametrize("comment", ["", " ", "\u200b\u200b", "\u3164"], ids=ascii)
def test_an_answer_needs_a_comment_that_can_be_seen(
    strict_sqlite: Governance, comment: str
) -> None:
    asked = _asked(strict_sqlite, staged(strict_sqlite))
    with pytest.raises(ReasonRequiredError):
        strict_sqlite.approvals.answer(asked.id, approve=True, by="max", comment=comment)
    assert strict_sqlite.approvals.get(asked.id).state == "pending"


# -- deadlines ------------------------------------------------------------------------------------


def test_what_expired_is_neither_answered_nor_used(strict: Governance) -> None:
    version = staged(strict)
    late = _asked(strict, version, "late", at=LONG_AGO)
    with pytest.raises(ApprovalNotUsableError, match="expired"):
        strict.approvals.answer(late.id, approve=True, by="max", comment="yes")
    approval = _approved(strict, version)
    with strict.database.begin() as tx:
        tx.execute(
            approvals.update()
            .where(approvals.c.id == approval.id)
            .values(expires_at=LONG_AGO + timedelta(days=1))
        )
    for at in (None, LONG_AGO):  # a back-dated promotion brings no old answer back
        with pytest.raises(ApprovalNotUsableError, match="expired"):
            _promote(strict, version, approval, at=at)
    assert strict.registry.resolve(version).stage is Stage.STAGING


@pytest.mark.parametrize("ahead", ["2090-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_nothing_is_decided_asked_or_answered_in_the_future(
    strict_sqlite: Governance, ahead: str
) -> None:
    gov, at = strict_sqlite, parse_time(ahead)
    version = staged(gov)
    asked = _asked(gov, version)
    before = head(gov)
    for call in (
        lambda: _asked(gov, version, "ahead", at=at),
        lambda: gov.approvals.answer(asked.id, approve=True, by="max", comment="yes", at=at),
        lambda: gov.promotion.promote_to_production(version, by="eve", at=at),
        lambda: gov.promotion.promote_to_production(
            version, by="eve", at=at, force=True, reason="now"
        ),
        lambda: gov.promotion.rollback_model(NAME, by="eve", reason="bad", at=at),
    ):
        with pytest.raises(InvalidInputError, match="future"):
            call()
    assert gov.approvals.get(asked.id).state == "pending"
    assert head(gov) == before
    soon = datetime.now(UTC) + timedelta(minutes=1)  # clocks differ a little
    assert gov.approvals.answer(asked.id, approve=True, by="max", comment="yes", at=soon)


def test_the_policy_says_how_long(strict_sqlite: Governance) -> None:
    policy(strict_sqlite, "require_approval: true", "approval_hours: 0.5")
    asked = _asked(strict_sqlite, staged(strict_sqlite))
    assert asked.expires_at - asked.requested_at == timedelta(minutes=30)


# -- once -----------------------------------------------------------------------------------------


def test_the_same_key_is_the_same_request(strict: Governance) -> None:
    version = staged(strict)
    asked = _asked(strict, version)
    before = head(strict)
    assert _asked(strict, version) == asked
    assert head(strict) == before
    with pytest.raises(IdempotencyConflictError):
        strict.approvals.request(version, by="tim", idempotency_key="k")
    assert [one.id for one in strict.approvals.list(NAME, "pending")] == [asked.id]


def test_one_answer_and_the_same_again_changes_nothing(strict: Governance) -> None:
    asked = _asked(strict, staged(strict))
    given: dict[str, Any] = {"approve": True, "by": "max", "comment": "yes"}
    first = strict.approvals.answer(asked.id, **given)
    before = head(strict)
    assert strict.approvals.answer(asked.id, **given) == first
    for other in ({"approve": False}, {"by": "tim"}, {"comment": "no"}):
        with pytest.raises(ApprovalNotUsableError, match="max has answered"):
            strict.approvals.answer(asked.id, **{**given, **other})
    assert head(strict) == before


def test_many_who_use_one_approval_at_once_promote_once(strict: Governance) -> None:
    versions = [staged(strict, seed) for seed in range(2)]
    approval = _approved(strict, versions[0])
    start = Barrier(8)

    def promote(number: int) -> str:
        start.wait(60)
        try:
            _promote(strict, versions[number % 2], approval)
        except ConflictError as error:
            return error.code
        return "won"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(promote, range(8)))
    assert outcomes.count("won") == 1
    assert set(outcomes) <= {"won", "stale_generation", "approval_not_usable", "illegal_transition"}
    assert strict.registry.generation(NAME) == 1
    with strict.database.read() as connection:
        (row,) = connection.execute(select(approvals)).all()
    assert row.state == "used"


def test_many_answers_at_once_are_one(strict: Governance) -> None:
    asked = _asked(strict, staged(strict))
    start = Barrier(8)

    def answer(number: int) -> str:
        start.wait(60)
        try:
            return strict.approvals.answer(
                asked.id, approve=number % 2 == 0, by=f"max{number}", comment="so"
            ).state
        except ApprovalNotUsableError:
            return "late"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(answer, range(8)))
    assert outcomes.count("late") == 7
    assert actions(strict).count("approval.answered") == 1


# -- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["draft", "trained", "failed", "retired", "production"])
def test_where_no_promotion_begins_nobody_is_asked(sqlite_gov: Governance, stage: str) -> None:
    if stage == "draft":
        version = sqlite_gov.registry.register_model(
            NAME, model_type="x", stage="draft", created_by="ann"
        )
    elif stage == "production":
        version = champion(sqlite_gov)
    else:
        version = registered(sqlite_gov)
        if stage != "trained":
            sqlite_gov.registry.transition(version, stage, "ann", "so")
    for purpose in ("promotion", "force"):
        with pytest.raises(IllegalTransitionError):
            _asked(sqlite_gov, version, purpose=purpose)
    assert sqlite_gov.approvals.list() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"by": ""},
        {"by": "a\nb"},
        {"purpose": "rollback"},
        {"purpose": None},
        {"idempotency_key": ""},
        {"idempotency_key": None},
        {"overrides": {"min_sharp": 1}},
        {"overrides": [1]},
        {"at": datetime(2018, 1, 1)},
    ],
    ids=str,
)
def test_a_request_that_cannot_be_right_is_refused(
    sqlite_gov: Governance, wrong: dict[str, Any]
) -> None:
    version = staged(sqlite_gov)
    with pytest.raises(InvalidInputError):
        sqlite_gov.approvals.request(version, **{"by": "eve", "idempotency_key": "k", **wrong})
    assert sqlite_gov.approvals.list() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"comment": ""},
        {"comment": "  "},
        {"comment": None},
        {"comment": "x" * 2001},
        {"by": ""},
        {"approve": "yes"},
        {"approve": None},
        {"at": "2018"},
    ],
    ids=str,
)
def test_an_answer_that_cannot_be_right_is_refused(
    strict_sqlite: Governance, wrong: dict[str, Any]
) -> None:
    asked = _asked(strict_sqlite, staged(strict_sqlite))
    given: dict[str, Any] = {"approve": True, "by": "max", "comment": "yes", **wrong}
    with pytest.raises(InvalidInputError):
        strict_sqlite.approvals.answer(asked.id, **given)
    assert strict_sqlite.approvals.get(asked.id).state == "pending"


@pytest.mark.parametrize("wrong", ["", "nothing", None, 7, "' OR 1=1 --"])
def test_an_approval_that_is_not_there(sqlite_gov: Governance, wrong: Any) -> None:
    with pytest.raises(NotFoundError):
        sqlite_gov.approvals.get(wrong)
    with pytest.raises(NotFoundError):
        sqlite_gov.approvals.answer(wrong, approve=True, by="max", comment="yes")


@pytest.mark.parametrize(
    "wrong", [{"state": "open"}, {"model": "../x"}, {"limit": 0}, {"limit": 1001}, {"limit": True}]
)
def test_a_list_that_cannot_be_asked_for(sqlite_gov: Governance, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        sqlite_gov.approvals.list(**wrong)


def test_stale_before_the_approval_is_looked_at(strict_sqlite: Governance) -> None:
    version = staged(strict_sqlite)
    approval = _approved(strict_sqlite, version)
    with pytest.raises(StaleGenerationError):
        _promote(strict_sqlite, version, approval, expected_generation=4)
    assert _promote(strict_sqlite, version, approval).verdict is Verdict.PASS
