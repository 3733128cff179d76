"""The identity of a person who comes through Airflow: what ``governance.yaml`` grants, or what
Airflow says.

A person whom ``access.grants`` names has these roles and no other. Everybody else has the role that
Airflow gives, on every model, unless ``access.others`` is ``nothing``. The ``owner`` of a model is
its operator, whoever is named. Names count to the letter: one that merely looks like a permitted
one has no right.

Who proved to be this person is the face's affair. Pure but for the declared models it is given.
"""

from __future__ import annotations

from governance.access.roles import Grant, Identity, Role
from governance.config.governance_file import GovernanceConfig
from governance.errors import InvalidInputError, UnauthenticatedError
from governance.registry import attachments


def identity_of_person(
    config: GovernanceConfig, name: str, default_role: Role | None = None
) -> Identity:
    """
    Args:
        name: as Airflow's auth manager gives it.
        default_role: what Airflow lets them do; ``None`` for nothing.

    Raises:
        UnauthenticatedError: the name cannot stand in a record.

    >>> identity_of_person(GovernanceConfig(), "ann", Role.OPERATOR).grants
    (Grant(role=<Role.OPERATOR: 'operator'>, models='*'),)
    """
    try:
        attachments.check_person(name, what="the user's name")
    except InvalidInputError as error:
        raise UnauthenticatedError(
            "the user's name cannot stand in a record; use another account"
        ) from error
    access = config.access
    grants = [Grant(Role(one.role), one.models) for one in access.grants if one.user == name]
    if not grants and default_role is not None and access.others == "airflow":
        grants = [Grant(default_role)]
    grants += [
        Grant(Role.OPERATOR, model)
        for model, declared in config.models.items()
        if declared.owner == name
    ]
    return Identity(name=name, grants=tuple(grants), kind="airflow")
