"""What single gates say at their limit, beyond it, and of evidence that contradicts itself."""

from __future__ import annotations

import math
from typing import Any

import pytest

from governance.policy.promotion.decide import decide_promotion
from governance.policy.promotion.facts import PromotionFacts
from governance.policy.promotion.limits import DEFAULTS, PromotionLimits
from governance.policy.verdict import GateResult
from governance.values import Kind, Verdict
from tests.policy.promotion.cases import HASH, STRICT, Path, put, strong_json

PASS, FAIL, INSUFFICIENT = Verdict.PASS, Verdict.FAIL, Verdict.INSUFFICIENT
TRADING = PromotionLimits.from_json(dict(DEFAULTS[Kind.TRADING]))


def said(
    gate: str, changes: dict[Path, Any], limits: PromotionLimits = STRICT, kind: Kind = Kind.TRADING
) -> GateResult:
    data = strong_json(kind)
    for path, value in changes.items():
        data = put(data, path, value)
    checks = decide_promotion(PromotionFacts.from_json(data), limits).checks
    (found,) = [check for check in checks if check.gate == gate]
    return found


def above(value: float) -> float:
    return math.nextafter(value, math.inf)


def below(value: float) -> float:
    return math.nextafter(value, -math.inf)


# Document 000's table: field of the sessions, gate, the printed limit, the first value beyond it.
DOCUMENT_000 = [
    ("sessions", "sessions", 5, 4, INSUFFICIENT),
    ("days", "days", 3, 2, INSUFFICIENT),
    ("trades", "trades", 10, 9, INSUFFICIENT),
    ("turnover_ratio", "turnover_ratio", 1.5, above(1.5), FAIL),
    ("sharpe_ratio", "sharpe_ratio", 0.5, below(0.5), FAIL),
    ("max_drawdown", "max_drawdown", 0.05, above(0.05), FAIL),
    ("drift_psi", "drift_psi", 0.25, above(0.25), FAIL),
]


@pytest.mark.parametrize(("field", "gate", "limit", "beyond", "verdict"), DOCUMENT_000)
def test_document_000_s_limits_are_included(
    field: str, gate: str, limit: float, beyond: float, verdict: Verdict
) -> None:
    at = said(f"shadow.{gate}", {("shadow", field): limit}, TRADING)
    assert (at.result, at.observed, at.threshold) == (PASS, limit, limit)
    over = said(f"shadow.{gate}", {("shadow", field): beyond}, TRADING)
    assert (over.result, over.observed) == (verdict, beyond)


def test_document_000_s_criteria_are_all_that_a_trading_model_is_asked() -> None:
    facts = PromotionFacts.from_json(strong_json() | {"approval": {}})
    assert [check.gate for check in decide_promotion(facts, TRADING).checks] == [
        "integrity",
        "load",
        "lifecycle",
        "shadow.sessions",
        "shadow.days",
        "shadow.trades",
        "shadow.sharpe_ratio",
        "shadow.turnover_ratio",
        "shadow.max_drawdown",
        "shadow.drift_psi",
    ]


def test_a_missing_session_is_named_with_how_many_more() -> None:
    assert "1 more session needed" in said("shadow.sessions", {("shadow", "sessions"): 4}).reason
    assert "2 more days needed" in said("shadow.days", {("shadow", "days"): 1}).reason


VERDICTS: list[tuple[str, dict[Path, Any], Verdict]] = [
    ("integrity", {("intact",): False}, FAIL),
    ("integrity", {("intact",): None}, INSUFFICIENT),
    ("load", {("load", "loadable"): False}, FAIL),
    ("lifecycle", {("stage",): "validated"}, INSUFFICIENT),
    ("lifecycle", {("stage",): "draft"}, FAIL),
    ("lifecycle", {("stage",): "trained"}, FAIL),
    ("lifecycle", {("stage",): "production"}, FAIL),
    ("lifecycle", {("stage",): "retired"}, FAIL),
    ("lifecycle", {("stage",): "failed"}, FAIL),
    ("approval", {("approval", "approved_by"): "ann"}, FAIL),
    ("approval", {("approval", "approved_by"): " ANN"}, FAIL),
    ("approval", {("approval", "approved_by"): "carl"}, FAIL),
    ("approval", {("owner",): "Bob"}, FAIL),
    ("approval", {("approval", "approved_by"): " "}, INSUFFICIENT),
    ("provenance.dataset_hash", {("candidate", "provenance"): {"dataset_hash": "x"}}, FAIL),
    ("validation", {("validation",): "fail"}, FAIL),
    ("validation", {("validation",): "insufficient"}, INSUFFICIENT),
    ("validation.out_of_sample.auc.max", {("candidate", "metrics", "out_of_sample", "auc"): 0.96},
     FAIL),
    ("not_worse.auc", {("candidate", "metrics", "out_of_sample", "auc"): 0.68}, FAIL),
    ("not_worse.rmse", {("candidate", "metrics", "test", "rmse"): above(1.0)}, FAIL),
    ("not_worse.rmse", {("candidate", "metrics", "test", "rmse"): 0.5}, PASS),
    ("soak", {("shadow", "soak_hours"): below(24.0)}, INSUFFICIENT),
    ("drift.severity", {("drift", "severity"): "severe"}, FAIL),
    ("drift.severity", {("drift", "severity"): "insufficient"}, INSUFFICIENT),
    ("drift.severity", {("drift", "age_hours"): above(48.0)}, INSUFFICIENT),
    ("drift.severity", {("drift", "severity"): "normal"}, PASS),
    ("bundle.targets", {("candidate", "bundle", "targets"): ["reject"]}, FAIL),
    ("bundle.horizons", {("candidate", "bundle", "horizons"): [5]}, FAIL),
    ("bundle.members", {("candidate", "bundle", "members", "break:5"): False}, FAIL),
    ("bundle.thresholds", {("candidate", "bundle", "thresholds", "break:5"): above(1.0)}, FAIL),
    ("bundle.thresholds", {("candidate", "bundle", "thresholds", "break:5"): -0.001}, FAIL),
    ("bundle.thresholds", {("candidate", "bundle", "thresholds", "break:5"): 0.0}, PASS),
    ("bundle.thresholds", {("candidate", "bundle", "thresholds", "break:5"): 1.0}, PASS),
    ("bundle.thresholds", {("candidate", "bundle", "thresholds", "extra:5"): 2.0}, FAIL),
    ("excursions.mfe", {("candidate", "bundle", "mfe_bps", "break:5"): 11.0}, PASS),
    ("excursions.mfe", {("candidate", "bundle", "mfe_bps", "break:5"): 10.9}, FAIL),
    ("excursions.mae", {("candidate", "bundle", "mae_bps", "break:5"): -9.0}, PASS),
    ("excursions.mae", {("candidate", "bundle", "mae_bps", "break:5"): -9.1}, FAIL),
    ("excursions.mae", {("candidate", "bundle", "mae_bps", "break:5"): 9.1}, FAIL),
    ("excursions.mae", {("candidate", "bundle", "mae_bps", "break:5"): 1.0}, PASS),
    ("freshness", {("candidate", "trained_end"): "2013-02-01T00:00:00Z"}, PASS),
    ("freshness", {("candidate", "trained_end"): "2013-01-31T23:59:59.999Z"}, FAIL),
    ("freshness", {("candidate", "trained_end"): "2013-02-02"}, INSUFFICIENT),
    ("freshness", {("candidate", "trained_end"): "soon"}, INSUFFICIENT),
    ("feature_version", {("candidate", "feature_version"): "v4"}, FAIL),
    ("feature_version", {("candidate", "feature_version"): ""}, INSUFFICIENT),
    ("evidence.fairness", {("other", "fairness", "result"): "fail"}, FAIL),
]  # fmt: skip


@pytest.mark.parametrize(("gate", "changes", "verdict"), VERDICTS)
def test_one_fact_changes_one_verdict(
    gate: str, changes: dict[Path, Any], verdict: Verdict
) -> None:
    assert said(gate, changes).result is verdict


def test_a_metric_that_is_no_number_is_not_looked_for_on_another_split() -> None:
    both: dict[Path, Any] = {
        ("candidate", "metrics", "out_of_sample", "auc"): None,
        ("candidate", "metrics", "test", "auc"): 0.9,
        ("champion", "metrics", "test", "auc"): 0.5,
    }
    assert said("not_worse.auc", both).result is INSUFFICIENT


def test_a_metric_of_one_s_own_is_compared_the_way_that_is_better() -> None:
    own = [{"metric": "cost", "split": "test", "better": "lower"}]
    limits = PromotionLimits.from_json({"not_worse": own})
    costs: dict[Path, Any] = {
        ("candidate", "metrics", "test", "cost"): 2,
        ("champion", "metrics", "test", "cost"): 1,
    }
    assert said("not_worse.cost", costs, limits).result is FAIL


def test_the_psi_is_asked_once_from_where_the_kind_has_it() -> None:
    for kind, gate in ((Kind.TRADING, "shadow.drift_psi"), (Kind.REGRESSOR, "drift.psi")):
        checks = decide_promotion(PromotionFacts.from_json(strong_json(kind)), STRICT).checks
        assert [check.gate for check in checks if "psi" in check.gate] == [gate]


def test_an_approval_that_is_named_is_looked_at_although_none_is_required() -> None:
    none = PromotionLimits()
    assert said("approval", {("approval", "approved_by"): "ann"}, none).result is FAIL
    assert said("approval", {("approval", "approved_by"): "carl"}, none).result is PASS
    lifted = PromotionLimits(creator_may_approve=True)
    assert said("approval", {("approval", "approved_by"): "ann"}, lifted).result is PASS


def test_a_changed_feature_version_may_be_allowed() -> None:
    for allowed in (True, None):
        limits = PromotionLimits(allow_feature_version_change=allowed)
        data = put(strong_json(), ("candidate", "feature_version"), "v4")
        gates = {c.gate for c in decide_promotion(PromotionFacts.from_json(data), limits).checks}
        assert "feature_version" not in gates


def test_the_pass_of_other_evidence_without_its_figure_does_not_count() -> None:
    nan: dict[Path, Any] = {("other", "fairness", "observed"): math.nan}
    assert said("evidence.fairness", nan).result is INSUFFICIENT
    without_threshold = nan | {("other", "fairness", "threshold"): None}
    assert said("evidence.fairness", without_threshold).result is PASS


def test_facts_and_limits_survive_being_stored() -> None:
    for kind in Kind:
        facts = PromotionFacts.from_json(strong_json(kind))
        first = decide_promotion(facts, STRICT)
        again = decide_promotion(
            PromotionFacts.from_json(facts.as_json()), PromotionLimits.from_json(STRICT.as_json())
        )
        assert again == first
        assert facts.candidate.digest == HASH
