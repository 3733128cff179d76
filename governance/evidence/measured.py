"""Figures that were computed from arrays, and the checks that arrays pass before they are computed
on.

A figure that does not exist (the AUC of one class, the Sharpe ratio of a constant) is ``None``
with a reason: never 0, never NaN. Input that can never be right (other lengths, NaN, no rows) is
refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from governance.errors import InvalidEvidenceError

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured(Mapping[str, float | None]):
    """Metric name → value; ``reasons`` says why a value is ``None``; ``rows`` were measured.

    >>> Measured({"auc": math.nan}, rows=3).reasons
    {'auc': 'the value is not finite'}
    """

    values_by_name: Mapping[str, float | None]
    rows: int
    reasons: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        values, reasons = dict(self.values_by_name), dict(self.reasons)
        for name, value in values.items():
            if value is None:
                reasons.setdefault(name, "the value does not exist")
            elif not math.isfinite(value):
                values[name] = None
                reasons.setdefault(name, "the value is not finite")
            else:
                values[name] = float(value)
                reasons.pop(name, None)
        object.__setattr__(self, "values_by_name", values)
        object.__setattr__(self, "reasons", reasons)

    def __getitem__(self, name: str) -> float | None:
        return self.values_by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_by_name)

    def __len__(self) -> int:
        return len(self.values_by_name)

    @property
    def known(self) -> dict[str, float]:
        """The values that exist."""
        return {name: value for name, value in self.values_by_name.items() if value is not None}

    def only(self, names: tuple[str, ...] | None) -> Measured:
        """The part that ``names`` asks for; ``None`` asks for all."""
        if names is None:
            return self
        kept = {name: value for name, value in self.values_by_name.items() if name in names}
        return Measured(kept, self.rows, {n: r for n, r in self.reasons.items() if n in kept})


def as_vector(values: Any, name: str) -> Vector:
    """``values`` as a vector of finite floats, at least one.

    >>> as_vector([1, 2.5], "y_true")
    array([1. , 2.5])
    >>> as_vector([1, None], "y_true")
    Traceback (most recent call last):
        ...
    governance.errors.InvalidEvidenceError: y_true has 1 of 2 values missing or not finite; ...
    """
    array = _one_dimension(values, name)
    try:
        vector = np.asarray(
            pd.array(array).astype("Float64").to_numpy(dtype=float, na_value=np.nan)
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidEvidenceError(f"{name} must contain numbers only; convert it first") from error
    bad = int((~np.isfinite(vector)).sum())
    if bad:
        raise InvalidEvidenceError(
            f"{name} has {bad} of {vector.size} values missing or not finite; "
            "leave these rows out on purpose, not by accident"
        )
    return vector


def as_labels(values: Any, name: str) -> NDArray[Any]:
    """``values`` as class labels: whole numbers or texts, none missing; booleans become 0 and 1."""
    array = _one_dimension(values, name)
    missing = int(pd.isna(array).sum())
    if missing:
        raise InvalidEvidenceError(
            f"{name} has {missing} of {len(array)} labels missing; leave these rows out on purpose"
        )
    if all(isinstance(value, str) for value in array):
        return np.asarray(array, dtype=str)
    vector = as_vector(array, name)
    if (vector != np.floor(vector)).any() or (np.abs(vector) >= 2**53).any():
        raise InvalidEvidenceError(f"{name} must contain class labels, not measured numbers")
    return vector.astype(np.int64)


def require_same_rows(**given: Any) -> None:
    """Refuses inputs of different length, and pandas objects whose rows are not the same rows."""
    lengths = {name: len(values) for name, values in given.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise InvalidEvidenceError(f"the inputs have different numbers of rows: {told}; align them")
    indexes = [values.index for values in given.values() if isinstance(values, pd.Series)]
    if any(not index.equals(indexes[0]) for index in indexes[1:]):
        raise InvalidEvidenceError(
            f"{', '.join(given)} have different indexes, so their rows may not belong together; "
            "align them, or give .to_numpy()"
        )


def _one_dimension(values: Any, name: str) -> NDArray[Any]:
    if isinstance(values, str | bytes | Mapping) or not hasattr(values, "__len__"):
        raise InvalidEvidenceError(f"{name} must be a list, an array or a Series")
    array = values.to_numpy() if isinstance(values, pd.Series) else _as_array(values, name)
    if array.ndim != 1:
        raise InvalidEvidenceError(f"{name} must have one dimension, not {array.ndim}")
    if array.size == 0:
        raise InvalidEvidenceError(f"{name} has no rows; there is nothing to measure")
    if array.dtype.kind not in "biufOUT":
        raise InvalidEvidenceError(f"{name} must contain numbers or labels, not {array.dtype}")
    return np.asarray(array)


def _as_array(values: Any, name: str) -> NDArray[Any]:
    try:
        array = np.asarray(values)
        mixed = array.dtype.kind == "U" and not isinstance(values, np.ndarray)
        return np.asarray(values, dtype=object) if mixed else array  # [1, "a"] stays mixed
    except ValueError as error:
        raise InvalidEvidenceError(f"{name} must be a plain list of values") from error
