"""Two tables side by side: the comparison behind ``detect_data_drift``. Pure.

Rules, for each column of the reference; the worst says how bad it is, the first of the worst names
the finding:

1. A name that stands twice, a column that is gone, another type: severe (in the reference, or
   where neither side can be counted: insufficient).
2. No reference value, no rows: insufficient. Every value missing: severe.
3. Infinite values on either side; a missing share, or a share of categories never seen, that rose
   by more than the limits and more than chance: moderate or severe.
4. One single value where the reference has several, and that is no chance: severe.
5. Too few rows, an identifier, the same constant on both sides: insufficient.
6. Score - expected above the threshold: SHIFTED if the q-value is at most 0.05 (severe from twice
   the threshold), else insufficient, since chance gives such scores too.

Only what passes all of them is NORMAL. Neighbours: ``two_samples`` measures, ``detector`` records.
Not promised: calibration; rows of a time series are not independent, and one day against a month
differs almost always. That is what scans are for (``comparison``).
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from governance.errors import InvalidInputError
from governance.evidence.drift.ad_hoc.detection import METHODS, Detection, Method
from governance.evidence.drift.ad_hoc.sides import read_side
from governance.evidence.drift.ad_hoc.two_samples import measure, missing_p_value
from governance.evidence.drift.ad_hoc.verdict import Compared, detection_of
from governance.evidence.drift.statistics import benjamini_hochberg
from governance.policy.drift.facts import Finding
from governance.policy.drift.limits import DriftLimits
from governance.values import Severity

PREDICTION = "prediction"

_Columns = dict[str, list["pd.Series[Any]"]]


def compare_frames(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    *,
    method: Method = "ks_test",
    threshold: float = 0.2,
    categorical: Collection[str] = (),
    limits: DriftLimits | None = None,
) -> list[Detection]:
    """One detection for each column of the reference, in its order.

    Args:
        reference, current: rows of the same columns, shapes (n, any) and (m, any). Columns that
            only the current table has are not looked at; without a column in the reference those
            of the current table are named, as NO_REFERENCE.
        method: ``ks_test``, ``psi`` or ``chi_square``; text and booleans go by ``chi_square`` where
            ``ks_test`` was asked for.
        threshold: above 0; what the score must exceed for an alert.
        categorical: columns that are categories although they are numbers.
        limits: of missing, new and infinite values; the policy's defaults if not given.

    Raises:
        InvalidInputError: no DataFrames, neither of which has a column; an unknown method, a
            threshold that is no positive number.

    >>> generator = np.random.default_rng(7)
    >>> before = pd.DataFrame({"visib": generator.normal(size=500), "origin": ["JFK", "EWR"] * 250})
    >>> now = before.assign(visib=before["visib"] + 1)
    >>> [(d.feature, d.method, round(d.score, 2), d.is_alert) for d in compare_frames(before, now)]
    [('visib', 'ks_test', 0.42, True), ('origin', 'chi_square', 0.0, False)]
    """
    for name, table in (("reference_data", reference), ("current_data", current)):
        if not isinstance(table, pd.DataFrame):
            raise InvalidInputError(
                f"{name} must be a pandas DataFrame with a column for each feature, not "
                f"{type(table).__name__}; for a vector of predictions use detect_prediction_drift"
            )
    before, now = _columns(reference), _columns(current)
    names = list(before) or list(now)
    if not names:
        raise InvalidInputError(
            "reference_data and current_data have no columns; give a column for each feature"
        )
    method, threshold = _checked(method, threshold)
    chosen = {str(name) for name in categorical}
    compared = [_compare(name, before, now, method, name in chosen) for name in names]
    return _judged(compared, threshold, limits or DriftLimits())


def compare_predictions(
    reference: Any,
    current: Any,
    *,
    method: Method = "ks_test",
    threshold: float = 0.2,
    categorical: bool = False,
    feature: str = PREDICTION,
    limits: DriftLimits | None = None,
) -> Detection:
    """Two vectors of predictions: numbers, or the labels of a classifier.

    Args:
        reference, current: numpy arrays, Series or lists, shapes (n,) and (m,); (n, 1) is taken as
            a vector. Empty ones are a finding, no error.
        categorical: are numbers labels?

    Raises:
        InvalidInputError: no vectors, lists of anything but numbers; as ``compare_frames``.

    >>> compare_predictions(np.arange(100.0), np.arange(100.0) + 50).severity.value
    'severe'
    """
    tables = [
        pd.DataFrame({feature: _vector(values, name)})
        for name, values in (
            ("reference_predictions", reference),
            ("current_predictions", current),
        )
    ]
    chosen = (feature,) if categorical else ()
    (found,) = compare_frames(
        *tables, method=method, threshold=threshold, categorical=chosen, limits=limits
    )
    return found


def _compare(
    name: str, reference: _Columns, current: _Columns, method: Method, categorical: bool
) -> Compared:
    """What can be measured of one column, or why nothing can."""
    before, now = reference.get(name, []), current.get(name, [])
    if len(before) > 1:
        text = "the name stands twice in the reference; rename one of the columns"
        return Compared.refused(name, method, Severity.INSUFFICIENT, Finding.AMBIGUOUS_COLUMN, text)
    if len(now) > 1:
        text = "the name stands twice in the current data; rename one of the columns"
        return Compared.refused(name, method, Severity.SEVERE, Finding.AMBIGUOUS_COLUMN, text)
    if not before:
        text = "the reference has no such column, so there is nothing to compare with"
        return Compared.refused(name, method, Severity.INSUFFICIENT, Finding.NO_REFERENCE, text)
    if not current:
        text = "the current data have neither rows nor columns"
        return Compared.refused(name, method, Severity.INSUFFICIENT, Finding.TOO_FEW_ROWS, text)
    if not now:
        new = [column for column in current if column not in reference]
        hint = f" (new there: {', '.join(map(repr, new[:5]))})" if new else ""
        text = f"the column is not in the current data; was it dropped or renamed?{hint}"
        return Compared.refused(name, method, Severity.SEVERE, Finding.COLUMN_MISSING, text)
    sides = read_side(before[0]), read_side(now[0])
    comparison = Compared(feature=name, method=method, sides=sides)
    if comparison.problem() is not None:
        return comparison
    by_category = categorical or any(side.categories for side in sides)
    return Compared(
        feature=name,
        method=method,
        sides=sides,
        figures=measure(*sides, method, categorical=by_category),
        missing_p=missing_p_value(*sides),
    )


def _judged(compared: list[Compared], threshold: float, limits: DriftLimits) -> list[Detection]:
    """Each column's p-values among those of all columns, then each column's verdict."""
    nan = math.nan
    shift, new, missing = (
        benjamini_hochberg(values)
        for values in (
            [c.figures.p_value if c.figures else nan for c in compared],
            [c.figures.new_p if c.figures else nan for c in compared],
            [c.missing_p for c in compared],
        )
    )
    return [
        detection_of(
            column,
            threshold=threshold,
            limits=limits,
            q_value=float(shift[place]),
            new_q=float(new[place]),
            missing_q=float(missing[place]),
        )
        for place, column in enumerate(compared)
    ]


def _columns(table: pd.DataFrame) -> _Columns:
    """The columns by the text of their name, which may repeat and be of any type."""
    columns: _Columns = {}
    for place, name in enumerate(table.columns):
        columns.setdefault(str(name), []).append(table.iloc[:, place])
    return columns


def _vector(values: Any, name: str) -> pd.Series[Any]:
    remedy = f"{name} must be a numpy array or pandas Series with a prediction for each row"
    if isinstance(values, pd.Series):
        return values.reset_index(drop=True)
    if isinstance(values, list | tuple):
        if not all(isinstance(v, int | float | np.number | None) for v in values):
            raise InvalidInputError(f"{remedy}; this list holds something else than numbers")
        return pd.Series(list(values), dtype=None if len(values) else "float64")
    if not isinstance(values, np.ndarray):
        raise InvalidInputError(f"{remedy}, not {type(values).__name__}")
    if isinstance(values, np.ma.MaskedArray):
        if values.dtype.kind not in "biuf":
            raise InvalidInputError(f"{remedy}; masked arrays must hold numbers")
        values = np.ma.filled(values.astype(np.float64), np.nan)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise InvalidInputError(
            f"{remedy}, not an array of shape {values.shape}; compare the columns of several "
            "outputs with detect_data_drift"
        )
    if values.dtype.kind not in "biufcOSUTMm":
        raise InvalidInputError(f"{remedy}, not records of type {values.dtype}")
    if values.dtype.byteorder not in "=|":  # pandas reads only the machine's own
        values = values.astype(values.dtype.newbyteorder("="))
    return pd.Series(values)


def _checked(method: Any, threshold: Any) -> tuple[Method, float]:
    if method not in METHODS:
        raise InvalidInputError(
            f"method {str(method)[:40]!r} is unknown; use one of {', '.join(METHODS)}"
        )
    number = isinstance(threshold, int | float | np.number) and not isinstance(threshold, bool)
    if not number or not 0 < float(threshold) < math.inf:
        raise InvalidInputError(
            f"threshold must be a number above 0, for example 0.2, not {threshold!r:.40}"
        )
    return method, float(threshold)
