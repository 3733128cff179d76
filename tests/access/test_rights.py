"""The table of rights: what it allows follows from role, pattern and scope alone."""

from __future__ import annotations

import pytest

from governance.access.rights import RIGHTS, allowed, possible, refusal, require
from governance.access.roles import Grant, Identity, Role
from governance.errors import ForbiddenError

OURS, THEIRS = "team-a-x", "team-b-x"
ACTIONS = sorted(RIGHTS)


def _holder(role: Role, models: str) -> Identity:
    return Identity(name="ann", grants=(Grant(role, models),), kind="token")


NOBODY = Identity(name="max", grants=(), kind="airflow")


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("action", ACTIONS)
def test_on_every_model_the_role_alone_decides(action: str, role: Role) -> None:
    ann = _holder(role, "*")
    enough = role.includes(RIGHTS[action].role)
    for model in (OURS, THEIRS, None):
        assert allowed(ann, action, model) == enough
    assert possible(ann, action) == enough


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("action", ACTIONS)
def test_a_team_does_nothing_to_another_team_and_nothing_to_all(action: str, role: Role) -> None:
    ann = _holder(role, "team-a-*")
    right = RIGHTS[action]
    enough = role.includes(right.role)
    narrow = right.scope != "everywhere"
    assert allowed(ann, action, OURS) == (enough and narrow)
    assert allowed(ann, action, THEIRS) is False
    assert allowed(ann, action, None) == (enough and right.scope == "any")
    assert possible(ann, action) == (enough and narrow)


@pytest.mark.parametrize("action", [*ACTIONS, "no.such.action", ""])
def test_without_a_grant_nothing_is_allowed(action: str) -> None:
    assert not allowed(NOBODY, action, OURS)
    assert not allowed(NOBODY, action, None)
    assert not possible(NOBODY, action)


@pytest.mark.parametrize("action", ["no.such.action", "", "models", "MODELS.READ"])
def test_what_is_not_in_the_table_is_nobodys(action: str) -> None:
    admin = _holder(Role.ADMIN, "*")
    assert not allowed(admin, action, OURS)
    assert not possible(admin, action)
    with pytest.raises(ForbiddenError, match="nobody has it"):
        require(admin, action, OURS)


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        RIGHTS["models.read"] = RIGHTS["config.read"]  # type: ignore[index]


def test_only_viewing_is_for_viewers() -> None:
    seen = {action.rpartition(".")[2] for action in ACTIONS if RIGHTS[action].role is Role.VIEWER}
    assert seen == {"list", "read", "check", "try"}
    assert {a for a in ACTIONS if RIGHTS[a].role is Role.APPROVER} == {"approvals.answer"}
    assert {a for a in ACTIONS if RIGHTS[a].role is Role.ADMIN} == {
        "promotions.force",
        "config.read",
    }


@pytest.mark.parametrize("action", ACTIONS)
def test_a_refusal_says_which_role_it_takes_and_where(action: str) -> None:
    right = RIGHTS[action]
    on_a_model, on_all = refusal(NOBODY, action, OURS), refusal(NOBODY, action, None)
    assert f"it takes {right.role}" in on_a_model and action in on_a_model
    assert ("on '*'" in on_all) == (right.scope != "any")
    assert (repr(OURS) in on_a_model) == (right.scope != "everywhere")
    with pytest.raises(ForbiddenError) as refused:
        require(NOBODY, action, OURS)
    assert refused.value.message == on_a_model and refused.value.status == 403


def test_require_says_nothing_where_it_is_allowed() -> None:
    require(_holder(Role.OPERATOR, "team-a-*"), "models.register", OURS)
