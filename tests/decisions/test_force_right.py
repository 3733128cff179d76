"""Who may force: the policy's list alone, for an hour, and every refusal is on record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from governance import Governance
from governance.decisions.force_right import GOOD_FOR, ForceRight
from governance.errors import ForbiddenError, ReasonRequiredError
from governance.store.database import database_time
from tests.versions import NAME, validated

BACK = datetime(2013, 2, 1, tzinfo=UTC)  # event time does not count here


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
        ("eve\u200b", "unknown", "cannot stand in a record"),
        ("\u202eeve", "unknown", "cannot stand in a record"),
        ("\uff45ve", "\uff45ve", "not among force.allowed"),
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


@pytest.mark.parametrize("reason", ["now", "now" + "\u200b" * 20, "a" + " " * 20 + "b"], ids=ascii)
def test_a_reason_has_ten_characters_that_can_be_seen(gov: Governance, reason: str) -> None:
    with pytest.raises(ReasonRequiredError, match="at least 10 visible"):
        asked(gov, "eve", reason=reason)
    with pytest.raises(ForbiddenError):  # who may not is on record, whatever they write
        asked(gov, "bob", reason=reason)
    assert [who for who, _ in denials(gov)] == ["bob"]


def test_the_generation_seen_is_that_of_the_request_for_ever(gov: Governance) -> None:
    right = gov.force_right
    before = now(gov) - timedelta(seconds=1)
    first, second = validated(gov, 1), validated(gov, 2)
    gov.promotion.promote_to_production(first, by="eve", force=True, reason="x", at=BACK)
    after = now(gov) + timedelta(microseconds=1)
    assert right.generation_seen(NAME, asked_at=before, idempotency_key="a") == 0
    assert right.generation_seen(NAME, asked_at=after, idempotency_key="a") == 1
    assert right.generation_seen("unheard_of", asked_at=after, idempotency_key="a") == 0
    gov.promotion.promote_to_production(
        second, by="eve", force=True, reason="x", idempotency_key="a", expected_generation=1
    )
    for clock in (before, after, now(gov)):  # of an Airflow that is slow or fast
        assert right.generation_seen(NAME, asked_at=clock, idempotency_key="a") == 1
