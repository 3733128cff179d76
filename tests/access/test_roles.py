"""Roles are ordered, and a pattern of names never sees more than it says."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.access.roles import Grant, Identity, Role, check_pattern, highest, matches
from governance.config.access import AccessGrant
from governance.errors import InvalidInputError, InvalidNameError
from governance.values import check_model_name

ORDER = [Role.VIEWER, Role.OPERATOR, Role.APPROVER, Role.ADMIN]
ROLES = st.sampled_from(Role)
# Few letters, so that patterns and names meet.
NAMES = st.from_regex(r"[ab]([ab_-]{0,8}[ab])?", fullmatch=True)
PATTERNS = st.from_regex(r"[ab_*-]{1,6}", fullmatch=True).filter(lambda text: "**" not in text)
BAD = ["", "a?", "[ab]*", "a/b", "a.b", "A*", "a b", "a*\n", "\na", "**", "a**b", "é*", "*" * 65]


def _ann(*grants: Grant) -> Identity:
    return Identity(name="ann", grants=grants, kind="airflow")


@given(ROLES, ROLES)
def test_a_role_includes_those_below_it_and_itself(one: Role, other: Role) -> None:
    assert one.includes(other) == (ORDER.index(one) >= ORDER.index(other))


@given(st.lists(ROLES))
def test_the_highest_of_several_includes_them_all(roles: list[Role]) -> None:
    found = highest(tuple(roles))
    if not roles:
        assert found is None
        return
    assert found in roles
    assert found is not None and all(found.includes(role) for role in roles)


def test_roles_are_not_compared_as_texts() -> None:
    for compare in (
        lambda: Role.ADMIN < Role.VIEWER,
        lambda: Role.ADMIN <= "viewer",
        lambda: Role.ADMIN > Role.VIEWER,
        lambda: Role.ADMIN >= Role.VIEWER,
        lambda: max(Role),
    ):
        with pytest.raises(TypeError, match="includes"):
            compare()
    assert Role("admin") == "admin"


def _texts(letters: str, longest: int) -> list[str]:
    return ["".join(t) for n in range(1, longest + 1) for t in product(letters, repeat=n)]


def test_every_short_pattern_means_what_its_regular_expression_means() -> None:
    for pattern in _texts("ab*", 5):
        if "**" in pattern:
            continue
        expected = re.compile(pattern.replace("*", ".*"))
        for name in _texts("ab", 4):
            assert matches(pattern, name) == bool(expected.fullmatch(name)), (pattern, name)


@given(PATTERNS, NAMES)
def test_a_pattern_means_what_its_regular_expression_means(pattern: str, name: str) -> None:
    expected = re.fullmatch(pattern.replace("*", ".*"), name) is not None
    assert matches(pattern, name) == expected


@given(st.from_regex(r"(team-[ab]?-?)?[a-z0-9]([a-z0-9_-]{0,20}[a-z0-9])?", fullmatch=True))
def test_a_grant_on_a_team_sees_that_team_and_nothing_else(name: str) -> None:
    ann = _ann(Grant(Role.ADMIN, "team-a-*"))
    ours = name.startswith("team-a-")
    assert ann.sees(name) == ours
    assert ann.role_on(name) == (Role.ADMIN if ours else None)
    assert ann.everywhere() is None


@given(st.text(max_size=70))
def test_what_is_no_model_name_is_seen_by_nobody_but_those_who_see_all(text: str) -> None:
    try:
        check_model_name(text)
    except InvalidNameError:
        assert not any(matches(pattern, text) for pattern in ("a*", "*a", "team-*", "-*", "_*"))
    assert matches("*", text)


@pytest.mark.parametrize("name", ["team-a-x\n", "team-a-", "team-a-../b", "TEAM-A-x", "team-a-é"])
def test_a_name_that_is_none_does_not_slip_under_a_pattern(name: str) -> None:
    assert not matches("team-a-*", name)


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    """As a regular expression this one would go on for years."""
    assert not matches("*a" * 32, "a" * 30 + "b")
    assert matches("*a" * 31, "b" + "a" * 62)


@given(st.lists(st.builds(Grant, ROLES, PATTERNS), max_size=5), NAMES)
def test_the_highest_matching_grant_counts(grants: list[Grant], name: str) -> None:
    ann = _ann(*grants)
    held = [grant.role for grant in grants if matches(grant.models, name)]
    assert ann.role_on(name) == highest(tuple(held))
    assert ann.role_on(None) == highest(tuple(grant.role for grant in grants))
    assert ann.sees(name) == bool(held)
    whole = [grant.role for grant in grants if grant.models == "*"]
    assert ann.everywhere() == highest(tuple(whole))


@pytest.mark.parametrize("pattern", BAD, ids=range(len(BAD)))
def test_what_is_no_pattern_is_refused_everywhere(pattern: str) -> None:
    with pytest.raises(InvalidInputError, match="no pattern of model names"):
        Grant(Role.VIEWER, pattern)
    with pytest.raises(ValueError, match="no pattern of model names"):
        AccessGrant(user="ann", role="viewer", models=pattern)


@given(st.text(alphabet="ab9_-*?[]/.A \n", max_size=8))
def test_the_configuration_takes_the_same_patterns(text: str) -> None:
    def taken(check: object) -> bool:
        try:
            check(text)  # type: ignore[operator]
        except ValueError:
            return False
        return True

    assert taken(check_pattern) == taken(
        lambda models: AccessGrant(user="ann", role="viewer", models=models)
    )


def test_the_configuration_has_the_same_roles() -> None:
    words = AccessGrant.model_json_schema()["properties"]["role"]["enum"]
    assert words == list(ORDER)


def test_a_grant_of_no_role_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no role; give one of viewer, operator, approver"):
        Grant("owner")  # type: ignore[arg-type]
    assert Grant("admin").role is Role.ADMIN  # type: ignore[arg-type]
