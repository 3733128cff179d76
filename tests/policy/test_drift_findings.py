"""From figures to findings: every bad input is named, and nothing that is missing is normal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.policy.drift.facts import FeatureFigures, Finding, Look
from governance.policy.drift.findings import DATA_FINDINGS, judge
from governance.policy.drift.limits import DriftLimits
from governance.values import Severity

LIMITS = DriftLimits()
CALM = FeatureFigures(
    feature="a",
    kind="numeric",
    rows=1000,
    reference_rows=30_000,
    missing_share=0.0,
    reference_missing_share=0.0,
    ks=0.02,
    effect=0.02,
    z=0.1,
    p_value=0.46,
    q_value=0.9,
)


def _look(*figures: FeatureFigures, **given: Any) -> Look:
    return Look(features=figures, rows=given.pop("rows", 1000), **given)


def test_a_calm_look_is_normal_and_says_so() -> None:
    judged = judge(_look(CALM), LIMITS)
    assert judged.severity is Severity.NORMAL
    assert judged.verdicts[0].finding is Finding.STABLE
    assert judged.reasons


@pytest.mark.parametrize(
    ("changed", "finding", "severity"),
    [
        ({"problem": Finding.COLUMN_MISSING}, Finding.COLUMN_MISSING, Severity.SEVERE),
        ({"problem": Finding.WRONG_DTYPE}, Finding.WRONG_DTYPE, Severity.SEVERE),
        ({"rows": 0, "missing_share": 1.0}, Finding.ALL_MISSING, Severity.SEVERE),
        (
            {"rows": 0, "missing_share": 1.0, "reference_rows": 0},
            Finding.NO_REFERENCE,
            Severity.INSUFFICIENT,
        ),
        ({"reference_rows": 0, "q_value": None}, Finding.NO_REFERENCE, Severity.INSUFFICIENT),
        ({"rows": 29, "missing_share": 0.0}, Finding.TOO_FEW_ROWS, Severity.INSUFFICIENT),
        ({"q_value": None}, Finding.NOT_CALIBRATED, Severity.INSUFFICIENT),
        ({"effect": None}, Finding.NOT_CALIBRATED, Severity.INSUFFICIENT),
        ({"missing_share": 0.06}, Finding.MISSING_VALUES, Severity.MODERATE),
        ({"missing_share": 0.21}, Finding.MISSING_VALUES, Severity.SEVERE),
        ({"new_share": 0.05}, Finding.NEW_CATEGORIES, Severity.MODERATE),
        ({"new_share": 0.9}, Finding.NEW_CATEGORIES, Severity.SEVERE),
        ({"infinite": 1}, Finding.INFINITE_VALUES, Severity.MODERATE),
        ({"infinite": 1000}, Finding.INFINITE_VALUES, Severity.SEVERE),
        ({"q_value": 0.05, "effect": 0.1}, Finding.SHIFTED, Severity.MODERATE),
        ({"q_value": 1e-4, "effect": 0.2}, Finding.SHIFTED, Severity.SEVERE),
        (
            {"q_value": 1e-9, "effect": 0.5, "constant": True},
            Finding.BECAME_CONSTANT,
            Severity.SEVERE,
        ),
    ],
)
def test_each_bad_input_has_its_finding(
    changed: dict[str, Any], finding: Finding, severity: Severity
) -> None:
    judged = judge(_look(replace(CALM, **changed)), LIMITS)
    verdict = judged.verdicts[0]
    assert (verdict.finding, verdict.severity, judged.severity) == (finding, severity, severity)
    assert verdict.figures.feature in verdict.reason


@pytest.mark.parametrize(("q", "effect"), [(0.051, 0.9), (1e-12, 0.099)])
def test_a_finding_needs_effect_and_significance(q: float, effect: float) -> None:
    judged = judge(_look(replace(CALM, q_value=q, effect=effect)), LIMITS)
    assert judged.severity is Severity.NORMAL


def test_a_feature_that_the_model_hardly_uses_is_never_severe() -> None:
    shifted = replace(CALM, q_value=1e-9, effect=0.9)
    for importance, expected in ((0.009, "moderate"), (0.01, "severe"), (None, "severe")):
        judged = judge(_look(replace(shifted, importance=importance)), LIMITS)
        assert judged.severity == expected


def test_a_feature_with_few_values_is_not_called_shifted() -> None:
    judged = judge(_look(replace(CALM, rows=29, q_value=1e-9, effect=0.9)), LIMITS)
    assert judged.verdicts[0].finding is Finding.TOO_FEW_ROWS


def test_a_window_with_too_few_rows_says_nothing_but_a_lost_column_is_still_lost() -> None:
    judged = judge(_look(CALM, rows=29), LIMITS)
    assert judged.severity is Severity.INSUFFICIENT
    assert "29 rows" in judged.reasons[0]
    gone = replace(CALM, problem=Finding.COLUMN_MISSING)
    assert judge(_look(gone, rows=0), LIMITS).severity is Severity.SEVERE


def test_an_hour_without_data_is_never_normal_and_is_named() -> None:
    gaps = {"2026-03-07T05:00:00Z": "missing"}
    judged = judge(_look(CALM, missing_hours=gaps), LIMITS)
    assert judged.severity is Severity.INSUFFICIENT
    assert any("2026-03-07T05:00Z: missing" in reason for reason in judged.reasons)
    shifted = replace(CALM, q_value=1e-9, effect=0.9)
    assert judge(_look(shifted, missing_hours=gaps), LIMITS).severity is Severity.SEVERE


def test_what_is_wrong_with_the_data_is_said_before_drift_and_is_no_drift() -> None:
    moved: dict[str, Any] = {"q_value": 1e-9, "effect": 0.9}
    cases: tuple[dict[str, Any], ...] = (
        {"new_share": 1.0},
        {"missing_share": 0.5},
        {"infinite": 900},
    )
    for broken in cases:
        verdict = judge(_look(replace(CALM, **moved, **broken)), LIMITS).verdicts[0]
        assert verdict.severity is Severity.SEVERE
        assert verdict.finding in DATA_FINDINGS
        assert not verdict.flagged and not verdict.urgent
    mild = judge(_look(replace(CALM, q_value=0.01, effect=0.15, new_share=0.05)), LIMITS)
    assert mild.verdicts[0].finding is Finding.NEW_CATEGORIES
    assert mild.verdicts[0].flagged, "and it moved as well"


@pytest.mark.parametrize(
    ("given", "said"),
    [({"stray_rows": 60}, "60 of 1060 rows lie outside"), ({"usual_rows": 9000.0}, "are few")],
)
def test_rows_that_are_astray_or_far_too_few_are_never_normal(
    given: dict[str, Any], said: str
) -> None:
    judged = judge(_look(CALM, **given), LIMITS)
    assert judged.severity is Severity.INSUFFICIENT
    assert said in " ".join(judged.reasons)
    assert judge(_look(CALM, stray_rows=10, usual_rows=3000.0), LIMITS).severity == "normal"


def test_a_feature_that_never_moved_says_nothing_and_the_others_speak() -> None:
    still = replace(CALM, single=True)
    judged = judge(_look(still, CALM), LIMITS)
    assert judged.severity is Severity.NORMAL
    assert {verdict.finding for verdict in judged.verdicts} == {Finding.CONSTANT, Finding.STABLE}
    assert judge(_look(still), LIMITS).severity is Severity.INSUFFICIENT
    moved = replace(still, q_value=1e-9, effect=0.5)
    assert judge(_look(moved, CALM), LIMITS).severity is Severity.SEVERE


def test_no_feature_at_all_is_insufficient() -> None:
    assert judge(_look(), LIMITS).severity is Severity.INSUFFICIENT


figure = st.none() | st.floats(0, 1)
figures = st.builds(
    FeatureFigures,
    feature=st.sampled_from("abc"),
    kind=st.sampled_from(["numeric", "categorical"]),
    rows=st.integers(0, 100),
    reference_rows=st.integers(0, 100),
    missing_share=figure,
    reference_missing_share=figure,
    new_share=figure,
    infinite=st.integers(0, 3),
    effect=figure,
    q_value=figure,
    constant=st.booleans(),
    importance=figure,
    problem=st.none() | st.sampled_from([Finding.COLUMN_MISSING, Finding.WRONG_DTYPE]),
)


@given(st.lists(figures, max_size=4), st.integers(0, 100))
def test_normal_is_said_only_of_what_was_measured(made: list[FeatureFigures], rows: int) -> None:
    judged = judge(_look(*made, rows=rows), LIMITS)
    for verdict in judged.verdicts:
        if verdict.severity is Severity.NORMAL:
            own = verdict.figures
            assert own.problem is None
            assert own.q_value is not None
            assert own.rows >= LIMITS.min_rows
            assert own.reference_rows > 0
