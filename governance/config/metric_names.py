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
    CUSTOM = "custom"  # logged by somebody's own code


@dataclass(frozen=True, slots=True)
class MetricName:
    """
    Attributes:
        better: which way is better; ``"neither"`` for what only describes the data.
        lowest, highest: the values that the metric can take.
    """

    name: str
    type: MetricType
    better: Literal["higher", "lower", "neither"]
    lowest: float = 0.0
    highest: float = math.inf


_C, _R, _T = MetricType.CLASSIFICATION, MetricType.REGRESSION, MetricType.TRADING

METRICS: dict[str, MetricName] = {
    metric.name: metric
    for metric in (
        MetricName("accuracy", _C, "higher", highest=1.0),
        MetricName("precision", _C, "higher", highest=1.0),
        MetricName("recall", _C, "higher", highest=1.0),
        MetricName("f1", _C, "higher", highest=1.0),
        MetricName("base_rate", _C, "neither", highest=1.0),
        MetricName("auc", _C, "higher", highest=1.0),
        MetricName("log_loss", _C, "lower"),
        MetricName("brier", _C, "lower", highest=1.0),
        MetricName("mae", _R, "lower"),
        MetricName("mse", _R, "lower"),
        MetricName("rmse", _R, "lower"),
        MetricName("r2", _R, "higher", lowest=-math.inf, highest=1.0),
        MetricName("sharpe", _T, "higher", lowest=-math.inf),
        MetricName("max_drawdown", _T, "lower", highest=1.0),
        MetricName("turnover", _T, "lower"),
        MetricName("trades", _T, "neither"),
        MetricName("hit_rate", _T, "higher", highest=1.0),
        MetricName("total_return", _T, "higher", lowest=-1.0),
    )
}

_TYPES: dict[Kind, frozenset[MetricType]] = {
    Kind.CLASSIFIER: frozenset({_C}),
    Kind.REGRESSOR: frozenset({_R}),
    Kind.TRADING: frozenset({_C, _R, _T}),
}


def metrics_of(kind: Kind) -> tuple[str, ...]:
    """The names that a model of ``kind`` may declare.

    >>> metrics_of(Kind.REGRESSOR)
    ('mae', 'mse', 'rmse', 'r2')
    """
    return tuple(name for name, metric in METRICS.items() if metric.type in _TYPES[kind])
