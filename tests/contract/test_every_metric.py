"""Every metric that can be declared is computed, stays within its bounds, and is never NaN."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.canonical import canonical_json
from governance.config.metric_names import METRICS, MetricType, metrics_of
from governance.evidence.classification import classification_metrics
from governance.evidence.measured import Measured
from governance.evidence.regression import regression_metrics
from governance.evidence.signals import signal_metrics
from governance.evidence.trading import trading_metrics
from governance.values import Kind

Rows = np.ndarray[Any, np.dtype[np.float64]]


def _classification(rows: Rows) -> Measured:
    score = 1 / (1 + np.exp(-np.clip(rows[:, 1], -700, 700)))
    return classification_metrics((rows[:, 0] > 0).astype(int), (score > 0.5).astype(int), score)


FUNCTIONS: dict[MetricType, Callable[[Rows], Measured]] = {
    MetricType.CLASSIFICATION: _classification,
    MetricType.REGRESSION: lambda rows: regression_metrics(rows[:, 0], rows[:, 1]),
    MetricType.TRADING: lambda rows: trading_metrics(
        rows[:, 0], rows[:, 1], cost_bps=3, periods_per_year=252
    ),
    MetricType.SIGNAL: lambda rows: signal_metrics(
        rows[:, 0] > 0, np.abs(rows[:, 0]), np.abs(rows[:, 1])
    ),
}

EDGES = {
    "one row": [[1.0, 2.0]],
    "one zero": [[0.0, 0.0]],
    "constant": [[0.1, 0.1]] * 10,
    "constant truth": [[0.1, float(i)] for i in range(10)],
    "constant prediction": [[float(i) - 5, 0.1] for i in range(10)],
    "alternating": [[1.0, -1.0], [-1.0, 1.0]] * 5,
    "huge": [[1e308, -1e308], [-1e308, 1e308], [1e308, 1e308]],
    "tiny": [[5e-324, 1e-320], [-5e-324, 0.0], [0.0, 5e-324]],
    "ruin": [[-1.0, 1.0], [2.0, 1.0]],
    "far from zero": [[1e15 + i, 1e15] for i in range(5)],
}


def within_bounds(measured: Measured, kind: MetricType) -> Iterable[str]:
    """What breaks the contract, in words."""
    canonical_json(dict(measured))
    for name, value in measured.items():
        metric = METRICS[name]
        if metric.type is not kind:
            yield f"{name} is declared as {metric.type}"
        if (value is None) != (name in measured.reasons):
            yield f"{name}: a reason stands exactly where there is no value"
        if value is not None and not metric.lowest <= value <= metric.highest:
            yield f"{name} is {value}, outside {metric.lowest} to {metric.highest}"
        if value is not None and not math.isfinite(value):
            yield f"{name} is {value}"


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_the_table_of_names_and_what_is_computed_are_the_same(kind: MetricType) -> None:
    measured = FUNCTIONS[kind](np.array([[1.0, 2.0], [-1.0, 0.5]]))
    assert set(measured) == {name for name, metric in METRICS.items() if metric.type is kind}


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("kind", FUNCTIONS)
def test_every_edge_case_gives_a_value_or_a_reason(kind: MetricType, edge: str) -> None:
    assert not list(within_bounds(FUNCTIONS[kind](np.array(EDGES[edge])), kind))


@given(
    st.lists(
        st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 2), min_size=1, max_size=20
    )
)
def test_any_finite_input_gives_values_or_reasons(rows: list[tuple[float, float]]) -> None:
    for kind, function in FUNCTIONS.items():
        first = function(np.array(rows))
        assert not list(within_bounds(first, kind))
        assert dict(function(np.array(rows))) == dict(first), "the same input, the same figures"


def test_every_kind_of_model_has_metrics_and_every_metric_a_kind() -> None:
    offered = {name for kind in Kind for name in metrics_of(kind)}
    assert offered == set(METRICS)
    assert all(metrics_of(kind) for kind in Kind)
