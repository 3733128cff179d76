"""Regression metrics equal scikit-learn's, and R² of a constant does not exist."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import assume, given
from hypothesis import strategies as st

from governance.errors import InvalidEvidenceError
from governance.evidence.regression import regression_metrics

numbers = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))
pairs = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=40)


@given(pairs)
def test_each_metric_equals_the_reference(rows: list[tuple[float, float]]) -> None:
    truth, predicted = np.array(rows).T
    ours = regression_metrics(truth, predicted)
    assert ours["mae"] == pytest.approx(reference.mean_absolute_error(truth, predicted))
    assert ours["mse"] == pytest.approx(reference.mean_squared_error(truth, predicted))
    assert ours["rmse"] == pytest.approx(reference.root_mean_squared_error(truth, predicted))
    if np.ptp(truth) == 0:
        assert ours["r2"] is None and ours.reasons["r2"]
    else:
        assert ours["r2"] == pytest.approx(reference.r2_score(truth, predicted), rel=1e-9, abs=1e-9)


@given(pairs, st.randoms())
def test_the_order_of_the_rows_changes_nothing(
    rows: list[tuple[float, float]], random_: Any
) -> None:
    assume(len(rows) > 1)
    mixed = random_.sample(rows, len(rows))
    ours, theirs = regression_metrics(*np.array(rows).T), regression_metrics(*np.array(mixed).T)
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert ours[name] == (None if theirs[name] is None else pytest.approx(theirs[name]))


def test_a_constant_whose_mean_is_rounded_still_has_no_r2() -> None:
    # The mean of ten times 0.1 is not 0.1, so a sum of squares would not be exactly zero.
    measured = regression_metrics([0.1] * 10, [0.2] * 10)
    assert measured["r2"] is None and measured.reasons["r2"] == "y_true is constant"


def test_one_row_has_no_r2() -> None:
    assert regression_metrics([1.0], [2.0]).reasons == {"r2": "one row has no spread"}


def test_a_figure_beyond_the_largest_float_does_not_exist() -> None:
    measured = regression_metrics([1e200, -1e200], [-1e200, 1e200])
    assert measured["mse"] is None and measured["rmse"] is None and measured["r2"] is None
    assert measured["mae"] == 2e200


@pytest.mark.parametrize(
    ("truth", "predicted"),
    [([], []), ([1.0], [float("nan")]), ([float("inf")], [1.0]), ([1.0, 2.0], [1.0]), (["a"], [1])],
)
def test_input_that_can_never_be_right_is_refused(truth: Any, predicted: Any) -> None:
    with pytest.raises(InvalidEvidenceError):
        regression_metrics(truth, predicted)
