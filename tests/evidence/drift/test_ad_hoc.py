"""Two tables side by side: what the documents ask, and a typed finding for all that is wrong."""

from __future__ import annotations

import math
from dataclasses import fields
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import InvalidInputError
from governance.evidence.drift.ad_hoc.comparing import compare_frames, compare_predictions
from governance.evidence.drift.ad_hoc.detection import METHODS, Detection, Method
from governance.policy.drift.facts import Finding
from governance.values import Severity

_G = np.random.default_rng(11)
ROWS = 200
NUMBERS = _G.normal(size=ROWS)
TEXT = _G.choice(["JFK", "EWR", "LGA"], ROWS).astype(object)
HOURS = pd.date_range("2013-02-01", periods=ROWS, freq="h", tz="UTC")
BAD = (Severity.INSUFFICIENT, Severity.MODERATE, Severity.SEVERE)


def frame(values: Any) -> pd.DataFrame:
    return pd.DataFrame({"x": values})


def with_(values: Any, at: Any, new: Any, dtype: Any = object) -> Any:
    changed = np.array(values, dtype=dtype)
    changed[at] = new
    return changed


EDGE_CASES: dict[str, tuple[Any, Any, set[Finding]]] = {
    "all missing": (NUMBERS, np.full(ROWS, np.nan), {Finding.ALL_MISSING}),
    "all missing, as objects": (TEXT, [None] * ROWS, {Finding.ALL_MISSING}),
    "all of few missing": (NUMBERS, np.full(3, np.nan), {Finding.ALL_MISSING}),
    "reference all missing": (np.full(ROWS, np.nan), NUMBERS, {Finding.NO_REFERENCE}),
    "both all missing": ([None] * ROWS, [None] * ROWS, {Finding.NO_REFERENCE}),
    "constant": (np.full(ROWS, 5.0), np.full(ROWS, 5.0), {Finding.CONSTANT}),
    "constant text": (["a"] * ROWS, ["a"] * ROWS, {Finding.CONSTANT}),
    "another constant": (np.full(ROWS, 5.0), np.full(ROWS, 6.0), {Finding.SHIFTED}),
    "became constant": (NUMBERS, np.full(ROWS, 0.1), {Finding.BECAME_CONSTANT}),
    "became constant text": (TEXT, ["JFK"] * ROWS, {Finding.BECAME_CONSTANT}),
    "no rows": (NUMBERS, np.zeros(0), {Finding.TOO_FEW_ROWS}),
    "no reference rows": (np.zeros(0), NUMBERS, {Finding.NO_REFERENCE}),
    "one row": (NUMBERS, [0.0], {Finding.TOO_FEW_ROWS}),
    "one text": (TEXT, ["JFK"], {Finding.TOO_FEW_ROWS}),
    "nineteen rows": (NUMBERS, NUMBERS[:19], {Finding.TOO_FEW_ROWS}),
    "nineteen reference rows": (NUMBERS[:19], NUMBERS, {Finding.TOO_FEW_ROWS}),
    "infinities": (NUMBERS, with_(NUMBERS, [3], -np.inf, float), {Finding.INFINITE_VALUES}),
    "all infinite": (NUMBERS, np.full(ROWS, np.inf), {Finding.INFINITE_VALUES}),
    "reference infinities": (
        with_(NUMBERS, [3], np.inf, float),
        NUMBERS,
        {Finding.INFINITE_VALUES},
    ),
    "numbers too large": (
        NUMBERS,
        with_(NUMBERS, [0], 10**400),
        {Finding.INFINITE_VALUES, Finding.WRONG_DTYPE},
    ),
    "a part is missing": (NUMBERS, with_(NUMBERS, range(30), np.nan), {Finding.MISSING_VALUES}),
    "category explosion": (TEXT, [f"new {i}" for i in range(ROWS)], {Finding.NEW_CATEGORIES}),
    "an eighth is new": (
        TEXT,
        with_(TEXT, range(25), "SWF"),
        {Finding.NEW_CATEGORIES, Finding.SHIFTED},
    ),
    "an identifier": (
        [f"a{i}" for i in range(ROWS)],
        [f"b{i}" for i in range(ROWS)],
        {Finding.NO_REFERENCE},
    ),
    "numbers became text": (NUMBERS, NUMBERS.astype(str), {Finding.WRONG_DTYPE}),
    "text became numbers": (TEXT, NUMBERS, {Finding.WRONG_DTYPE}),
    "numbers became booleans": (NUMBERS, NUMBERS > 0, {Finding.WRONG_DTYPE}),
    "numbers became times": (NUMBERS, HOURS, {Finding.WRONG_DTYPE}),
    "times": (HOURS, HOURS, {Finding.WRONG_DTYPE}),
    "durations": (HOURS - HOURS[0], HOURS - HOURS[0], {Finding.WRONG_DTYPE}),
    "periods": (
        pd.period_range("2013", periods=ROWS),
        pd.period_range("2013", periods=ROWS),
        {Finding.WRONG_DTYPE},
    ),
    "complex numbers": (NUMBERS + 1j, NUMBERS + 1j, {Finding.WRONG_DTYPE}),
    "became complex": (NUMBERS, NUMBERS + 1j, {Finding.WRONG_DTYPE}),
    "mixed types": (
        with_(NUMBERS, range(50), "n/a"),
        with_(NUMBERS, range(50), "n/a"),
        {Finding.WRONG_DTYPE},
    ),
    "became mixed": (NUMBERS, with_(NUMBERS, [7], "n/a"), {Finding.WRONG_DTYPE}),
    "lists": (pd.Series([[1, 2]] * ROWS), pd.Series([[1, 2]] * ROWS), {Finding.WRONG_DTYPE}),
    "objects": (pd.Series([object()] * ROWS), pd.Series([object()] * ROWS), {Finding.WRONG_DTYPE}),
    "bytes": (pd.Series([b"a", b"b"] * 100), pd.Series([b"a", b"b"] * 100), {Finding.WRONG_DTYPE}),
}


def assert_typed(found: Detection) -> None:
    """No figure is NaN, and nothing that is wrong passes for normal."""
    for field in fields(found):
        value = getattr(found, field.name)
        assert not isinstance(value, float) or math.isfinite(value), field.name
    assert isinstance(found.is_alert, bool)
    assert found.is_alert == (found.severity in (Severity.MODERATE, Severity.SEVERE))
    assert (found.severity is Severity.NORMAL) == (found.finding is Finding.STABLE)
    assert found.reason.startswith(f"{found.feature}: ") and "nan" not in found.reason


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", EDGE_CASES)
def test_bad_data_have_a_finding_and_are_never_normal(method: Method, case: str) -> None:
    before, now, findings = EDGE_CASES[case]
    (found,) = compare_frames(frame(before), frame(now), method=method)
    assert_typed(found)
    assert found.severity in BAD and found.finding in findings


@pytest.mark.parametrize("method", METHODS)
def test_a_bad_column_does_not_stop_the_others(method: Method) -> None:
    names = [name for name, (x, y, _) in EDGE_CASES.items() if len(x) == len(y) == ROWS]
    before, now = (
        pd.DataFrame({**{n: EDGE_CASES[n][side] for n in names}, "good": NUMBERS})
        for side in (0, 1)
    )
    found = compare_frames(before, now, method=method)
    assert [d.feature for d in found] == [*names, "good"]
    for detection in found:
        assert_typed(detection)
    assert {d.feature for d in found if d.severity is Severity.NORMAL} == {"good"}


def test_a_renamed_column_is_missing_and_the_new_name_is_said() -> None:
    before = frame(NUMBERS)
    (found,) = compare_frames(before, before.rename(columns={"x": "x_new"}))
    assert (found.severity, found.finding) == (Severity.SEVERE, Finding.COLUMN_MISSING)
    assert found.is_alert and "'x_new'" in found.reason
    assert_typed(found)


def test_a_name_that_stands_twice_is_ambiguous() -> None:
    once, twice = frame(NUMBERS), pd.DataFrame(np.c_[NUMBERS, NUMBERS], columns=["x", "x"])
    (now,) = compare_frames(once, twice)
    (before,) = compare_frames(twice, once)
    assert now.finding is before.finding is Finding.AMBIGUOUS_COLUMN
    assert (now.severity, before.severity) == (Severity.SEVERE, Severity.INSUFFICIENT)


def test_a_table_without_anything_is_insufficient_for_every_column() -> None:
    both = pd.DataFrame({"x": NUMBERS, "y": TEXT})
    for before, now in ((both, pd.DataFrame()), (pd.DataFrame(), both), (both.iloc[:0], both)):
        found = compare_frames(before, now)
        assert [d.feature for d in found] == ["x", "y"]
        assert {d.severity for d in found} == {Severity.INSUFFICIENT}
    with pytest.raises(InvalidInputError, match="give a column"):
        compare_frames(pd.DataFrame(), pd.DataFrame())


@pytest.mark.parametrize("wrong", [None, ["a", "b"], "frame", {"x": [1]}, NUMBERS, 3])
def test_what_is_no_table_is_refused_with_the_remedy(wrong: Any) -> None:
    for pair in ((wrong, frame(NUMBERS)), (frame(NUMBERS), wrong)):
        with pytest.raises(InvalidInputError, match="must be a pandas DataFrame"):
            compare_frames(*pair)


@pytest.mark.parametrize(
    "wrong", [None, ["a", "b"], "ab", {"x": 1}, 3, np.ones((4, 2)), np.array(1)]
)
def test_what_is_no_vector_is_refused_with_the_remedy(wrong: Any) -> None:
    for pair in ((wrong, NUMBERS), (NUMBERS, wrong)):
        with pytest.raises(InvalidInputError, match="must be a numpy array or pandas Series"):
            compare_predictions(*pair)


@pytest.mark.parametrize("threshold", [0, -1, math.nan, math.inf, None, "0.2", True])
def test_a_threshold_is_a_positive_number(threshold: Any) -> None:
    with pytest.raises(InvalidInputError, match=f"threshold .* not {threshold!r}$"):
        compare_frames(frame(NUMBERS), frame(NUMBERS), threshold=threshold)


def test_an_unknown_method_is_refused() -> None:
    unknown: Any = "kolmogorov"
    with pytest.raises(InvalidInputError, match="use one of ks_test, psi, chi_square"):
        compare_frames(frame(NUMBERS), frame(NUMBERS), method=unknown)


@pytest.mark.parametrize("method", METHODS)
def test_the_example_of_the_documents(method: Method) -> None:
    generator = np.random.default_rng(12)
    before, now = (
        pd.DataFrame(
            {
                "feature1": generator.normal(mean, 1, 1000),
                "feature2": generator.normal(5, 2, 1000),
            }
        )
        for mean in (0, 2)
    )
    first, second = compare_frames(before, now, threshold=0.2, method=method)
    assert (first.finding, first.severity, first.is_alert) == (
        Finding.SHIFTED,
        Severity.SEVERE,
        True,
    )
    assert (second.finding, second.severity, second.is_alert) == (
        Finding.STABLE,
        Severity.NORMAL,
        False,
    )
    assert first.mean_shift == pytest.approx(2, abs=0.2) and first.method == method
    found = compare_predictions(
        generator.normal(50, 10, 1000), generator.normal(60, 10, 1000), method=method
    )
    assert found.is_alert and found.feature == "prediction"


@pytest.mark.parametrize("rows", [40, 1000])
@pytest.mark.parametrize("method", METHODS)
def test_many_features_without_drift_raise_no_alert(method: Method, rows: int) -> None:
    generator = np.random.default_rng(13)
    wide = 200 if rows > 100 else 30
    before, now = (pd.DataFrame(generator.normal(size=(rows, wide))) for _ in range(2))
    found = compare_frames(before, now, method=method)
    assert len(found) == wide and not any(d.is_alert for d in found)
    if rows > 100:
        assert {d.severity for d in found} == {Severity.NORMAL}


@pytest.mark.parametrize("method", METHODS)
def test_a_hundredth_of_a_deviation_at_many_rows_is_no_alert(method: Method) -> None:
    generator = np.random.default_rng(14)
    before, now = generator.normal(size=100_000), generator.normal(0.01, size=100_000)
    (found,) = compare_frames(frame(before), frame(now), method=method)
    assert found.severity is Severity.NORMAL


@pytest.mark.parametrize("method", METHODS)
def test_few_rows_are_judged_by_permutation(method: Method) -> None:
    generator = np.random.default_rng(15)
    before = generator.normal(size=60)
    (apart,) = compare_frames(frame(before), frame(before[:40] + 3), method=method)
    assert apart.finding is Finding.SHIFTED and apart.p_value == pytest.approx(1e-4)
    again = compare_frames(frame(before), frame(before[:40] + 3), method=method)
    assert again == [apart]


@pytest.mark.parametrize("method", METHODS)
def test_p_values_of_few_rows_without_drift_are_even(method: Method) -> None:
    generator = np.random.default_rng(16)
    tables = [pd.DataFrame(generator.normal(size=(rows, 60))) for rows in (70, 30)]
    p = np.array([d.p_value for d in compare_frames(*tables, method=method)], dtype=float)
    assert (p <= 0.1).mean() <= 0.22 and 0.3 <= (p <= 0.5).mean() <= 0.7


def test_a_score_that_chance_gives_too_is_insufficient_and_not_normal() -> None:
    generator = np.random.default_rng(17)
    before = generator.normal(size=400)
    now = generator.normal(0.3, size=22)
    (found,) = compare_frames(frame(before), frame(now), threshold=0.01)
    assert found.q_value is not None and found.q_value > 0.05
    assert (found.severity, found.finding) == (Severity.INSUFFICIENT, Finding.TOO_FEW_ROWS)


@pytest.mark.parametrize("method", METHODS)
def test_a_long_tail_of_categories_without_drift_is_normal(method: Method) -> None:
    generator = np.random.default_rng(18)
    weights = 1 / np.arange(1, 1001)
    weights /= weights.sum()
    before, now = (generator.choice(1000, 4000, p=weights).astype(str) for _ in range(2))
    (found,) = compare_frames(frame(before), frame(now), method=method)
    assert found.severity is Severity.NORMAL
    assert found.psi is not None and found.psi > 0.2, "the bare value would have been an alert"


def test_a_rare_value_that_did_not_occur_is_no_constant() -> None:
    before = np.zeros(2000, dtype=bool)
    before[:3] = True
    (found,) = compare_frames(frame(before), frame(np.zeros(100, dtype=bool)))
    assert found.severity is Severity.NORMAL


@pytest.mark.parametrize(
    "same",
    [
        pd.Series(NUMBERS, dtype="float32"),
        pd.Series((NUMBERS * 100).astype(int), dtype="Int64"),
        pd.Series([Decimal(str(round(v, 3))) for v in NUMBERS]),
        pd.Series(TEXT, dtype="category"),
        pd.Series(TEXT, dtype="string"),
        pd.Series(NUMBERS > 0),
        pd.Series(NUMBERS > 0, dtype="boolean"),
        pd.Series(with_(NUMBERS > 0, [3, 4], None)),
        pd.Series(NUMBERS, index=np.zeros(ROWS)),
        pd.Series(NUMBERS).astype("double[pyarrow]"),
    ],
    ids=lambda series: str(series.dtype),
)
@pytest.mark.parametrize("method", METHODS)
def test_columns_of_every_usual_type_are_compared(method: Method, same: pd.Series[Any]) -> None:
    (found,) = compare_frames(frame(same), frame(same), method=method)
    assert_typed(found)
    assert found.severity is Severity.NORMAL and found.score == pytest.approx(0)


def test_whole_numbers_that_became_floats_are_the_same_type() -> None:
    whole = np.arange(ROWS) % 7
    (found,) = compare_frames(frame(whole), frame(whole.astype(float)))
    assert found.severity is Severity.NORMAL
    (labels,) = compare_frames(frame(whole), frame(whole.astype(float)), categorical=["x"])
    assert (labels.severity, labels.method) == (Severity.NORMAL, "chi_square")


def test_labels_of_a_classifier_are_predictions_too() -> None:
    swapped = np.where(TEXT == "JFK", "EWR", TEXT)
    assert compare_predictions(TEXT, pd.Series(swapped)).is_alert
    assert not compare_predictions(pd.Series(TEXT), TEXT.astype(str)).is_alert
    column = compare_predictions(NUMBERS[:, None], np.ma.masked_invalid(NUMBERS))
    assert column.severity is Severity.NORMAL
    assert compare_predictions(NUMBERS, []).finding is Finding.TOO_FEW_ROWS
    assert compare_predictions(NUMBERS.astype(">f8"), list(NUMBERS)).severity is Severity.NORMAL


anything = st.lists(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**20), 10**20),
        st.floats(),
        st.text(max_size=3),
        st.complex_numbers(),
        st.datetimes(),
        st.binary(max_size=2),
    ),
    max_size=40,
)


@given(anything, anything, st.sampled_from(METHODS))
def test_no_columns_whatever_escape(before: list[Any], now: list[Any], method: Method) -> None:
    objects = [pd.DataFrame({"x": pd.Series(side, dtype=object)}) for side in (before, now)]
    (found,) = compare_frames(*objects, method=method)
    assert_typed(found)


@given(
    st.lists(st.floats(), min_size=20, max_size=60),
    st.lists(st.floats(), min_size=20, max_size=60),
    st.sampled_from(METHODS),
)
def test_no_numbers_whatever_escape(before: list[float], now: list[float], method: Method) -> None:
    (found,) = compare_frames(frame(before), frame(now), method=method)
    assert_typed(found)
    if not np.isfinite(now).all() and np.isinf(now).any() and found.n and found.m:
        assert found.severity in BAD
