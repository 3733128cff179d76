"""Every gate of a promotion is found and run: missing never passes, NaN never passes."""

from __future__ import annotations

import importlib
import inspect
import math
import pkgutil
from typing import Any

import pytest
from pydantic import ValidationError

from governance.policy import gates
from governance.policy.promotion.decide import GATES, Gate, decide_promotion
from governance.policy.promotion.facts import PromotionFacts, VersionFacts
from governance.policy.promotion.limits import PromotionLimits
from governance.policy.verdict import GateResult
from governance.values import Kind, Stage, Verdict
from tests.policy.promotion.cases import KINDS, STRICT, leaves, parts, put, strong, strong_json
from tests.policy.promotion.cases import without as without_part

# What a validation asks, too: gates of one fact, called with what the limits name.
OF_ONE_FACT = {"check_load", "check_metric", "check_provenance"}

NOTHING_KNOWN = PromotionFacts(
    at="2013-02-03T00:00:00Z",
    kind=Kind.REGRESSOR,
    stage=Stage.VALIDATED,
    candidate=VersionFacts(version_id="2" * 12, version="1.0.2", digest="", created_by="ann"),
    ever_active=True,
)


def name(gate: Gate) -> str:
    return str(getattr(gate, "__name__", gate)).removeprefix("check").strip("_")


def found() -> dict[str, Any]:
    """Every function ``check_*`` that a module of the gates defines."""
    functions: dict[str, Any] = {}
    for module in pkgutil.iter_modules(gates.__path__):
        imported = importlib.import_module(f"governance.policy.gates.{module.name}")
        own = [
            function
            for key, function in vars(imported).items()
            if key.startswith("check_") and function.__module__ == imported.__name__
        ]
        assert len(own) == 1, f"{module.name}: one gate a module"
        functions[own[0].__name__] = own[0]
    return functions


def test_every_gate_that_exists_is_asked() -> None:
    asked = set(GATES)
    for key, function in found().items():
        if key not in OF_ONE_FACT:
            assert list(inspect.signature(function).parameters) == ["facts", "limits"]
            assert function in asked, f"{key} is not in GATES"
    assert len(GATES) == len(asked) >= 15


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("gate", GATES, ids=name)
def test_a_gate_passes_with_all_its_evidence(gate: Gate, kind: Kind) -> None:
    results = gate(strong(kind), STRICT)
    assert results
    assert [result for result in results if result.result is not Verdict.PASS] == []


@pytest.mark.parametrize("gate", GATES, ids=name)
def test_a_gate_without_evidence_says_insufficient(gate: Gate) -> None:
    results = gate(NOTHING_KNOWN, STRICT)
    assert results
    for result in results:
        assert result.result is Verdict.INSUFFICIENT
        assert result.reason
        assert result.observed is None or result.gate == "lifecycle"


@pytest.mark.parametrize("gate", GATES, ids=name)
def test_nothing_is_asked_by_empty_limits_but_what_always_counts(gate: Gate) -> None:
    asked = {result.gate for result in gate(NOTHING_KNOWN, PromotionLimits())}
    assert asked <= {"integrity", "load", "lifecycle"}


NOT_A_FIGURE = {("other", "fairness", "threshold")}


def _needed(kind: Kind) -> list[tuple[Any, ...]]:
    return [
        path
        for path, value in leaves(strong_json(kind))
        if type(value) in (int, float) and path not in NOT_A_FIGURE
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
@pytest.mark.parametrize("kind", KINDS)
def test_no_figure_may_be_missing_or_not_finite(kind: Kind, value: float | None) -> None:
    needed = _needed(kind)
    assert len(needed) > 40
    refused = 0
    for path in needed:
        try:
            facts = PromotionFacts.from_json(put(strong_json(kind), path, value))
        except ValidationError:  # a count cannot be written so
            refused += 1
            continue
        said = decide_promotion(facts, STRICT)
        assert said.verdict is not Verdict.PASS, path
        passed = [check for check in said.checks if check.result is Verdict.PASS]
        assert all(_is_finite(check) for check in passed), path
    assert refused < len(needed) / 2


def _is_finite(check: GateResult) -> bool:
    return not isinstance(check.observed, float) or math.isfinite(check.observed)


# Parts that say who and where, not how good; a champion's own files; a PSI that is not asked.
DESCRIPTIONS: set[tuple[Any, ...]] = {
    ("ever_active",),  # with a champion there is something to compare with
    ("approval", "bound"),
    ("drift", "at"),
    ("drift", "report_id"),
    ("load", "code"),
    ("load", "reason"),
    ("other", "fairness", "threshold"),
    ("shadow", "drift_psi"),
    ("drift", "max_psi"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_part_of_the_evidence_may_be_missing(kind: Kind) -> None:
    data = strong_json(kind)
    looked_at = 0
    for path in parts(data):
        if path in DESCRIPTIONS or path[:3] == ("champion", "bundle", "members"):
            continue
        try:
            facts = PromotionFacts.from_json(without_part(data, path))
        except ValidationError:  # facts without it cannot be written
            continue
        looked_at += 1
        assert decide_promotion(facts, STRICT).verdict is not Verdict.PASS, path
    assert looked_at > 40


def test_without_any_earlier_version_the_comparative_gates_say_no_champion() -> None:
    facts = PromotionFacts.from_json(
        strong_json(Kind.REGRESSOR)
        | {"champion": None, "ever_active": False, "drift": None, "paired": None}
    )
    said = decide_promotion(facts, STRICT)
    assert said.verdict is Verdict.PASS
    compared = {check.gate for check in said.checks if check.reason == "no_champion"}
    assert compared >= {
        "not_worse.auc",
        "not_worse.rmse",
        "freshness",
        "feature_version",
        "excursions.mfe",
        "excursions.mae",
        "drift.severity",
        "drift.psi",
    }


def test_with_an_earlier_version_but_no_champion_nothing_comparative_passes() -> None:
    facts = PromotionFacts.from_json(strong_json(Kind.REGRESSOR) | {"champion": None})
    for check in decide_promotion(facts, STRICT).checks:
        if check.gate.partition(".")[0] in ("not_worse", "freshness", "excursions"):
            assert check.result is Verdict.INSUFFICIENT
