"""Roles, and on which models somebody holds them. Pure.

A role includes every role below it: viewer < operator < approver < admin. It is granted on a
pattern of model names, in which ``*`` stands for any text and nothing else is special. What a role
may do is in ``rights``.

Not promised: that a model of this name exists. Who may not see a name is refused either way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from governance.errors import InvalidInputError, InvalidNameError
from governance.values import check_model_name

EVERYTHING = "*"
_PATTERN = re.compile(r"[a-z0-9_*-]{1,64}")


class Role(StrEnum):
    """What somebody may do, in four steps.

    >>> Role.APPROVER.includes(Role.OPERATOR), Role.VIEWER.includes(Role.OPERATOR)
    (True, False)
    """

    VIEWER = "viewer"  # sees
    OPERATOR = "operator"  # registers, moves, promotes by the gates, predicts
    APPROVER = "approver"  # answers requests for approval
    ADMIN = "admin"  # forces where the policy file lets them, sees the configuration

    def includes(self, other: Role) -> bool:
        """May the holder of this role do what ``other`` may?"""
        return _ORDER.index(self) >= _ORDER.index(other)

    def __lt__(self, other: str) -> bool:
        return _refuse_order()

    def __le__(self, other: str) -> bool:
        return _refuse_order()

    def __gt__(self, other: str) -> bool:
        return _refuse_order()

    def __ge__(self, other: str) -> bool:
        return _refuse_order()


_ORDER = (Role.VIEWER, Role.OPERATOR, Role.APPROVER, Role.ADMIN)


def _refuse_order() -> bool:
    # As texts, "admin" is the smallest: a comparison by mistake would let everybody in.
    raise TypeError("roles are compared with `includes`")


def highest(roles: tuple[Role, ...]) -> Role | None:
    """
    >>> highest((Role.VIEWER, Role.ADMIN, Role.OPERATOR))
    <Role.ADMIN: 'admin'>
    """
    return max(roles, key=_ORDER.index, default=None)


def check_role(role: object) -> Role:
    """``role`` itself, or the one of this name."""
    if isinstance(role, str) and role in tuple(Role):
        return Role(role)
    raise InvalidInputError(f"{str(role)[:40]!r} is no role; give one of {', '.join(_ORDER)}")


def check_pattern(pattern: object) -> str:
    """``pattern`` itself if it is one.

    >>> check_pattern("team-a-*")
    'team-a-*'
    >>> check_pattern("team-[ab]")
    Traceback (most recent call last):
        ...
    governance.errors.InvalidInputError: 'team-[ab]' is no pattern of model names; ...
    """
    if isinstance(pattern, str) and _PATTERN.fullmatch(pattern) and "**" not in pattern:
        return pattern
    raise InvalidInputError(
        f"{str(pattern)[:80]!r} is no pattern of model names; use 1-64 of a-z, 0-9, '_' and '-', "
        "with '*' for any text, such as 'momentum*'"
    )


def matches(pattern: str, name: str) -> bool:
    """Does ``name`` have the form ``pattern``? In linear time, whatever the number of stars.

    A text that is no model name matches ``*`` alone.

    >>> matches("team-a-*", "team-a-momentum"), matches("team-a-*", "team-ab")
    (True, False)
    """
    if pattern == EVERYTHING:
        return True
    try:
        check_model_name(name)
    except InvalidNameError:
        return False
    first, *rest = pattern.split("*")
    if not rest:
        return name == pattern
    *middle, last = rest
    at, end = len(first), len(name) - len(last)
    if at > end or not name.startswith(first) or not name.endswith(last):
        return False
    for part in middle:  # the leftmost place leaves most for the parts behind it
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


@dataclass(frozen=True, slots=True)
class Grant:
    """A role on the models whose names match.

    Raises:
        InvalidInputError: no role, or no pattern.
    """

    role: Role
    models: str = EVERYTHING

    def __post_init__(self) -> None:
        object.__setattr__(self, "role", check_role(self.role))
        check_pattern(self.models)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who asks, and what was granted to them.

    >>> ann = Identity(name="ann", grants=(Grant(Role.OPERATOR, "team-a-*"),), kind="airflow")
    >>> ann.role_on("team-a-momentum"), ann.role_on("team-b-momentum"), ann.everywhere()
    (<Role.OPERATOR: 'operator'>, None, None)

    Attributes:
        name: stands in records as ``by``.
        grants: several may match one model; the highest counts.
        kind: how they proved who they are.
        token_id: of the token they came with.
    """

    name: str
    grants: tuple[Grant, ...]
    kind: Literal["token", "airflow", "local"]
    token_id: str | None = None

    def role_on(self, model: str | None) -> Role | None:
        """The highest role on ``model``; for ``None`` the highest on any pattern at all."""
        return highest(
            tuple(
                grant.role for grant in self.grants if model is None or matches(grant.models, model)
            )
        )

    def sees(self, model: str) -> bool:
        """Is any role held on it?"""
        return self.role_on(model) is not None

    def everywhere(self) -> Role | None:
        """The highest role that is granted on ``*``: on every model, also on those to come."""
        return highest(tuple(grant.role for grant in self.grants if grant.models == EVERYTHING))
