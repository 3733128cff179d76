"""Who may do what when they come through Airflow (``access:`` in ``governance.yaml``).

What a role may do is in ``governance.access.rights``; API tokens have roles of their own.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from governance.config.document import Section
from governance.config.words import Owner

_PATTERN = re.compile(r"[a-z0-9_*-]{1,64}")


def _pattern(text: str) -> str:
    """As ``governance.access.roles.check_pattern``, which lies above; a test holds them equal."""
    if _PATTERN.fullmatch(text) and "**" not in text:
        return text
    raise ValueError(
        f"{text[:80]!r} is no pattern of model names; use 1-64 of a-z, 0-9, '_' and '-', with '*' "
        "for any text"
    )


class AccessGrant(Section):
    """A role of one person on some models.

    Attributes:
        user: the name in Airflow, to the letter.
        role: what they may do there; each includes the ones before it.
        models: pattern of model names, ``*`` for any text.
    """

    user: Owner
    role: Literal["viewer", "operator", "approver", "admin"]
    models: Annotated[str, AfterValidator(_pattern)] = "*"


class AccessSettings(Section):
    """Rights of people who come through Airflow; see [rights](rights.md).

    Attributes:
        grants: whoever is named here has these roles and no other; the owner of a model is its
            operator beside that.
        others: of people who are not named. ``airflow``: the role that Airflow gives them, on every
            model; ``nothing``: no role at all, as where teams are kept apart.
    """

    grants: tuple[AccessGrant, ...] = Field(default=(), max_length=10_000)
    others: Literal["airflow", "nothing"] = "airflow"
