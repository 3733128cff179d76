"""Every metric by its name: what kind of model has it, which way is better, what values it can
take.

The values themselves are computed in ``governance.evidence`` (a contract test holds the two
together); this table lets a configuration mistake (``acurracy``, ``auc: min: 70``) be refused
where it is written.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from governance.values import Kind


class MetricType(StrEnum):
    """What a metric measures; a trading model has those of its predictions as well."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"
    TRADING = "trading"
    SIGNAL = "signal"
    CUSTOM = "custom"  # logged by somebody's own code


@dataclass(frozen=True, slots=True)
class MetricName:
    """
    Attributes:
        better: which way is better; ``"neither"`` for what only describes the data.
        meaning: what it is, for people; the formula is where it is computed.
        lowest, highest: the values that the metric can take.
    """

    name: str
    type: MetricType
    better: Literal["higher", "lower", "neither"]
    meaning: str
    lowest: float = 0.0
    highest: float = math.inf


_C, _R, _T = MetricType.CLASSIFICATION, MetricType.REGRESSION, MetricType.TRADING
_S = MetricType.SIGNAL

METRICS: dict[str, MetricName] = {
    metric.name: metric
    for metric in (
        MetricName("accuracy", _C, "higher", "share of rows predicted right", highest=1.0),
        MetricName(
            "precision", _C, "higher", "share of predicted positives that are positive", highest=1.0
        ),
        MetricName("recall", _C, "higher", "share of positives that were predicted", highest=1.0),
        MetricName("f1", _C, "higher", "harmonic mean of precision and recall", highest=1.0),
        MetricName("base_rate", _C, "neither", "share of positives in the data", highest=1.0),
        MetricName(
            "auc",
            _C,
            "higher",
            "probability that a positive scores above a negative; one half is chance",
            highest=1.0,
        ),
        MetricName(
            "log_loss", _C, "lower", "mean negative log-likelihood, in nats; a coin has 0.693"
        ),
        MetricName("brier", _C, "lower", "mean squared error of the probability", highest=1.0),
        MetricName("mae", _R, "lower", "mean absolute error, in units of the label"),
        MetricName("mse", _R, "lower", "mean squared error"),
        MetricName("rmse", _R, "lower", "root of the mean squared error, in units of the label"),
        MetricName(
            "r2",
            _R,
            "higher",
            "share of the variance explained; below 0 is worse than the mean",
            lowest=-math.inf,
            highest=1.0,
        ),
        MetricName(
            "sharpe",
            _T,
            "higher",
            "mean / standard deviation of net returns, annualised",
            lowest=-math.inf,
        ),
        MetricName(
            "max_drawdown",
            _T,
            "lower",
            "largest loss from the highest equity so far, as a share",
            highest=1.0,
        ),
        MetricName("turnover", _T, "lower", "mean change of the position, in capital per period"),
        MetricName("trades", _T, "neither", "periods in which the position changed"),
        MetricName(
            "hit_rate",
            _T,
            "higher",
            "share of periods with a position that earned before costs",
            highest=1.0,
        ),
        MetricName("total_return", _T, "higher", "end equity - 1, after costs", lowest=-1.0),
        MetricName(
            "mfe_bps",
            _S,
            "higher",
            "mean largest move for a signal until its horizon, in 1/10,000 of the price",
        ),
        MetricName(
            "mae_bps",
            _S,
            "lower",
            "mean largest move against a signal until its horizon, in 1/10,000 of the price",
        ),
        MetricName("signals", _S, "neither", "rows that the model acts on"),
    )
}

_TYPES: dict[Kind, frozenset[MetricType]] = {
    Kind.CLASSIFIER: frozenset({_C, _S}),
    Kind.REGRESSOR: frozenset({_R}),
    Kind.TRADING: frozenset({_C, _R, _T, _S}),
}


def metrics_of(kind: Kind) -> tuple[str, ...]:
    """The names that a model of ``kind`` may declare.

    >>> metrics_of(Kind.REGRESSOR)
    ('mae', 'mse', 'rmse', 'r2')
    """
    return tuple(name for name, metric in METRICS.items() if metric.type in _TYPES[kind])
