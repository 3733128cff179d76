"""May this figure be recorded? The rules of a metric's split, name, value and type.

Pure. ``metrics_log`` asks before it writes, ``governance.training`` before it registers, so that no
version is left whose metrics cannot be recorded. Not promised: that a figure was really measured.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from governance.config.metric_names import METRICS, MetricType
from governance.errors import InvalidEvidenceError, InvalidInputError
from governance.evidence.metric_records import NewMetric
from governance.policy.facts import finite

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:/+-]*")


def check_split(split: object) -> str:
    """``split`` itself if it is a legal name of a split.

    >>> check_split("out_of_sample")
    'out_of_sample'
    """
    return _name(split, what="dataset_split", longest=64)


def check_metric(
    split: object, name: object, value: object, metric_type: MetricType | str | None = None
) -> NewMetric:
    """The figure, ready to be recorded.

    Raises:
        InvalidInputError: an illegal name, or a type that is none.
        InvalidEvidenceError: not finite, or a value that this metric cannot take.

    >>> check_metric("test", "auc", 0.7).metric_type
    <MetricType.CLASSIFICATION: 'classification'>
    >>> check_metric("test", "auc", 70.0)
    Traceback (most recent call last):
        ...
    governance.errors.InvalidEvidenceError: auc is 70, but lies between 0 and 1; ...
    """
    split, name = check_split(split), _name(name, what="metric_name", longest=128)
    number = finite(value)
    if number is None:
        raise InvalidEvidenceError(
            f"{name} on {split} is {value!r:.40}, no finite number; a figure that does not "
            "exist is not logged"
        )
    known = METRICS.get(name)
    if known is not None and not known.lowest <= number <= known.highest:
        raise InvalidEvidenceError(
            f"{name} is {number:g}, but lies between {known.lowest:g} and {known.highest:g}; give "
            "it in that unit, or log another measure under another name"
        )
    try:
        given = known.type if metric_type is None and known else MetricType(metric_type or "custom")
    except ValueError:
        types = ", ".join(MetricType)
        raise InvalidInputError(
            f"metric_type {metric_type!r:.40} is unknown; use {types}"
        ) from None
    return NewMetric(dataset_split=split, metric_name=name, metric_type=given, metric_value=number)


def check_metrics(
    metrics: Mapping[str, Mapping[str, float | None]],
    *,
    metric_type: MetricType | str | None = None,
) -> list[NewMetric]:
    """Every figure of ``metrics`` (split → name → value) that exists, ready to be recorded.

    ``None`` means that a figure does not exist: its names are checked and it is left out.

    Raises:
        InvalidInputError, InvalidEvidenceError: as for `check_metric`, or another shape.

    >>> [metric.metric_name for metric in check_metrics({"test": {"auc": None, "brier": 0.2}})]
    ['brier']
    """
    new = []
    for split, values in _mapping(metrics, "metrics").items():
        check_split(split)
        for name, value in _mapping(values, f"metrics of {split}").items():
            if value is None:
                _name(name, what="metric_name", longest=128)
            else:
                new.append(check_metric(split, name, value, metric_type))
    return new


def _mapping(value: object, what: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInputError(
            f"{what} must be a mapping, not {value!r:.60}; give split to name to value, for "
            'example {"test": {"auc": 0.7}}'
        )
    return value


def _name(text: object, *, what: str, longest: int) -> str:
    if isinstance(text, str) and _NAME.fullmatch(text) and len(text) <= longest:
        return text
    raise InvalidInputError(
        f"{what} {text!r:.80} is not allowed; use 1-{longest} of letters, digits and _ . @ : / + -"
    )
