"""Who may force: the policy's list alone, for an hour, and every refusal is on record."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from governance import Governance
from governance.decisions.force_right import GOOD_FOR, ForceRight
from governance.errors import ForbiddenError
from governance.store.database import database_time


def now(gov: Governance) -> Any:
    with gov.database.read() as connection:
        return database_time(connection)


def asked(gov: Governance, user: str | None, **given: Any) -> str:
    right = ForceRight(gov.database, {"eve"}.__contains__)
    values: dict[str, Any] = {
        "model": "momentum",
        "version": "1.0.0",
        "reason": "production answers nothing",
        "asked_at": now(gov),
        "idempotency_key": "run/1",
    }
    return right.require(user, **{**values, **given})


def denials(gov: Governance) -> list[tuple[str, str]]:
    entries = gov.audit.entries(limit=1000)
    return [(one.actor, one.details["why"]) for one in entries if one.action == "force.denied"]


def test_who_is_on_the_list_may_and_leaves_no_entry(gov: Governance) -> None:
    assert asked(gov, "eve") == "eve"
    assert denials(gov) == []


@pytest.mark.parametrize(
    ("user", "actor", "why"),
    [
        ("bob", "bob", "not among force.allowed"),
        ("Eve", "Eve", "not among force.allowed"),
        (None, "unknown", "nobody triggered this run"),
        ("", "unknown", "nobody triggered this run"),
    ],
)
def test_anybody_else_may_not_and_is_on_record(
    gov: Governance, user: str | None, actor: str, why: str
) -> None:
    with pytest.raises(ForbiddenError, match="is not forced"):
        asked(gov, user)
    ((who, told),) = denials(gov)
    assert who == actor and why in told
    assert gov.audit.verify()


def test_a_request_is_good_for_an_hour(gov: Governance) -> None:
    assert asked(gov, "eve", asked_at=now(gov) - GOOD_FOR + timedelta(minutes=5)) == "eve"
    with pytest.raises(ForbiddenError, match="older than an hour"):
        asked(gov, "eve", asked_at=now(gov) - GOOD_FOR - timedelta(minutes=5))


def test_without_a_policy_file_nobody_may(gov: Governance) -> None:
    with pytest.raises(ForbiddenError):
        gov.force_right.require(
            "eve",
            model="momentum",
            version="1.0.0",
            reason="production answers nothing",
            asked_at=now(gov),
            idempotency_key="run/1",
        )


@pytest.mark.parametrize("reason", ["the token is ghp_" + "a" * 36, None, "a\x00b"])
def test_a_denied_try_leaves_no_credential_in_the_log(gov: Governance, reason: Any) -> None:
    with pytest.raises(ForbiddenError):
        gov.force_right.require(
            "mallory",
            model="momentum",
            version="1.0.0",
            reason=reason,
            asked_at=now(gov),
            idempotency_key="run/1",
        )
    [entry] = [entry for entry in gov.audit.entries() if entry.action == "force.denied"]
    assert entry.details["reason"].startswith("withheld: ")
