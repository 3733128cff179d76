"""Parts of the demo's third scene; the whole of it runs with `make demo`."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
import yaml
from rich.console import Console

from governance.config import load_config
from governance.config.governance_file import GovernanceConfig
from governance.config.policy_file import parse_policy
from governance.decisions.record import Decision
from governance.policy.verdict import GateResult
from governance.values import Verdict
from local.airflow_secrets import USERS
from local.decision_table import decision_table, outcome
from local.here import CONFIG
from local.promotion_demo import FIRST_LOOK, LAST_LOOK, MARCH, MARKET, MARKET_CUT, MARKET_LOOK
from local.without_weather import MODEL, WEATHER, reduced

DECLARED: dict[str, Any] = yaml.safe_load((CONFIG / "governance.yaml").read_text())
NOW = datetime(2013, 4, 3, tzinfo=UTC)


def check(gate: str, result: str) -> GateResult:
    return GateResult(gate=gate, result=Verdict(result), observed=3, threshold=10, reason="too few")


def decision(**given: Any) -> Decision:
    values: dict[str, Any] = {
        "id": "0" * 32,
        "operation": "promotion",
        "model": MODEL,
        "version_id": "0" * 12,
        "version": "1.0.2",
        "verdict": Verdict.PASS,
        "eligible": True,
        "forced": False,
        "checks": (check("integrity", "pass"), check("shadow.sessions", "insufficient")),
        "facts": {},
        "policy": {},
        "policy_digest": "0" * 64,
        "verdict_hash": "0" * 64,
        "by": "admin",
        "at": NOW,
    }
    return Decision(**{**values, **given})


def test_the_reduced_declaration_is_legal_and_lacks_nothing_but_the_weather() -> None:
    whole, part = DECLARED["models"][MODEL], reduced(DECLARED)["models"][MODEL]
    assert set(WEATHER) <= set(whole["features"]["inputs"])
    assert not set(WEATHER) & set(part["features"]["inputs"])
    assert len(whole["features"]["definitions"]) - len(part["features"]["definitions"]) == 4
    for key in set(whole) - {"features", "description"}:
        assert part[key] == whole[key], key
    GovernanceConfig.model_validate(reduced(DECLARED))


def test_the_times_of_the_scene_lie_in_order_and_in_the_data() -> None:
    assert MARCH < FIRST_LOOK < LAST_LOOK < datetime(2014, 1, 1, tzinfo=UTC)
    assert MARKET_CUT < MARKET_LOOK < datetime(2019, 1, 1, tzinfo=UTC)
    assert {MODEL, MARKET} <= set(load_config(CONFIG / "governance.yaml").models)


def test_the_policy_names_people_whom_the_demos_airflow_has() -> None:
    policy = parse_policy((CONFIG / "promotion_policy.yaml").read_bytes())
    approvers = policy.models[MODEL].promotion.approvers or ()
    named = {*policy.force.allowed, *approvers}
    assert named <= set(USERS)
    assert USERS["viewer"] == "viewer" and "viewer" not in named


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"generation": 3}, "promoted"),
        ({"generation": None, "eligible": False}, "refused"),
        ({"generation": 2, "forced": True}, "FORCED"),
        ({"generation": 4, "operation": "rollback"}, "rollback"),
    ],
)
def test_each_outcome_has_its_word(given: dict[str, Any], word: str) -> None:
    assert outcome(decision(**given)).plain == word


def test_the_table_shows_people_reasons_and_every_gate() -> None:
    text = StringIO()
    rows = [
        decision(generation=1, forced=True, reason="the weather feed is away"),
        decision(generation=2, approved_by="op"),
    ]
    Console(file=text, width=140).print(decision_table(rows))
    for part in (
        "2013-04-03",
        "FORCED",
        "weather feed",
        "approved: op",
        "? shadow.sessions 3 / 10",
    ):
        assert part in text.getvalue()
    assert "✓ integrity" in text.getvalue()
