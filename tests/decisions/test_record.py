"""The record of a decision: append-only, complete, and judged again to the same hash."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, select, update

from governance import Governance
from governance.canonical import canonical_json
from governance.decisions.stored_decisions import find_decision, latest_decision
from governance.errors import ForbiddenError
from governance.policy.facts import MetricLimit, ValidationFacts
from governance.policy.validation import ValidationPolicy, decide_validation
from governance.store.schema import decisions
from tests.versions import champion, registered

AT = datetime(2018, 1, 2, tzinfo=UTC)


def test_what_is_stored_is_what_was_returned(gov: Governance) -> None:
    version = registered(gov, metrics={"test": {"mae": 1.0}})
    limits = [MetricLimit(metric="mae", split="test", max=2.0)]
    decision = gov.validate(version, by="eve", at=AT, limits=limits)
    assert decision.id is not None
    with gov.database.read() as connection:
        assert find_decision(connection, decision.id) == decision
        assert latest_decision(connection, version.id, "validation") == decision
        assert latest_decision(connection, version.id, "promotion") is None
        assert find_decision(connection, "0" * 32) is None


def test_a_stored_verdict_can_be_judged_again_from_its_record(sqlite_gov: Governance) -> None:
    version = registered(sqlite_gov, metrics={"test": {"mae": 3.0}})
    limits = [MetricLimit(metric="mae", split="test", max=2.0)]
    decision = sqlite_gov.validate(version, by="eve", limits=limits)
    with sqlite_gov.database.read() as connection:
        row = connection.execute(select(decisions)).one()
    again = decide_validation(
        ValidationFacts.from_json(row.facts), ValidationPolicy.from_json(row.policy)
    )
    assert again.verdict_hash == row.verdict_hash == decision.verdict_hash
    assert again.verdict.value == row.verdict == "fail"


@pytest.mark.parametrize("change", [update(decisions).values(verdict="pass"), delete(decisions)])
def test_the_database_refuses_to_change_a_decision(gov: Governance, change: object) -> None:
    champion(gov)
    with pytest.raises(ForbiddenError, match="append-only"), gov.database.begin() as tx:
        tx.execute(change)  # type: ignore[call-overload]  # either statement


def test_a_decision_is_json_for_programs(sqlite_gov: Governance) -> None:
    decision = sqlite_gov.validate(registered(sqlite_gov), by="eve", at=AT)
    shown = json.loads(canonical_json(decision.as_json()))
    assert shown["verdict"] == "pass" and shown["eligible"] is True
    assert shown["at"] == "2018-01-02T00:00:00.000000Z"
    gates = {check["gate"] for check in shown["checks"]}
    assert all(
        {"gate", "result", "observed", "threshold", "reason"} <= set(check)
        for check in shown["checks"]
    )
    assert "limits" in gates
