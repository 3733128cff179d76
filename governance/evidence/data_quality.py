"""Is this table fit to be trained on? Checks of a DataFrame against its declared limits.

Pure: the time comes from the caller, nothing is repaired, no check stops another, and no table
(empty, without columns, with mixed types) makes a check raise. Columns that nobody declared are
not looked at. Neighbours: ``label_quality`` for labels and computed features, ``quality_report``
for the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from governance.config.data_limits import DataQualityLimits
from governance.config.words import format_duration
from governance.evidence.label_quality import check_features, check_label
from governance.evidence.quality_report import Finding, FindingCode, QualityReport
from governance.values import Kind, as_utc, iso

_FAMILIES: dict[str, Callable[[Any], bool]] = {
    "number": lambda c: types.is_numeric_dtype(c) and not types.is_bool_dtype(c),
    "integer": types.is_integer_dtype,
    "boolean": types.is_bool_dtype,
    "text": lambda c: types.is_string_dtype(c) or isinstance(c.dtype, pd.CategoricalDtype),
    "time": types.is_datetime64_any_dtype,
}


def check(
    frame: pd.DataFrame,
    limits: DataQualityLimits,
    *,
    at: datetime,
    columns: Sequence[str] = (),
    time_column: str | None = None,
    label: pd.Series[Any] | None = None,
    kind: Kind | None = None,
    features: pd.DataFrame | None = None,
) -> QualityReport:
    """Every finding of the source's rows, and of their labels and features where these are given.

    Args:
        frame: the rows that the source gave, shape (rows, any).
        at: the run's time; every row must have been known before it.
        columns: columns that must be there, besides those that ``limits`` and ``time_column`` name.
        time_column: when each row was known; zoned.
        label: one for each row, missing where it is not yet known; ``kind`` says how it is judged.
        features: computed features, to be looked at for constants, gaps and infinities.

    Raises:
        NaiveDatetimeError: ``at`` has no time zone.

    >>> from datetime import UTC
    >>> bars = pd.DataFrame({"close": [1.0, None]})
    >>> at = datetime(2013, 2, 1, tzinfo=UTC)
    >>> report = check(bars, DataQualityLimits(), at=at, columns=["close"])
    >>> [(finding.column, str(finding.code), finding.observed) for finding in report.findings]
    [('close', 'missing_values', 0.5)]
    """
    at = as_utc(at)
    required = dict.fromkeys(
        [*columns, *limits.missing_share, *limits.ranges, *limits.dtypes, *limits.unique]
    )
    findings: list[Finding] = []
    figures: dict[str, Any] = {"rows": len(frame), "at": iso(at)}
    if frame.columns.has_duplicates:
        twice = frame.columns[frame.columns.duplicated()].unique()
        findings += [_twice(str(name)) for name in twice]
        frame = frame.loc[:, ~frame.columns.duplicated()]
    findings += _rows(frame, limits)
    findings += [_absent(name) for name in required if name not in frame.columns]
    present = [name for name in required if name in frame.columns and len(frame)]
    figures["missing_share"] = {n: float(frame[n].isna().mean()) for n in present}
    for name in present:
        findings += _values(frame[name], name, figures["missing_share"][name], limits)
    if time_column is not None:
        findings += _time(frame, time_column, limits, at, figures)
    findings += _keys(frame, limits.unique)
    if label is not None and len(frame):
        findings += check_label(label, limits, kind=kind, rows=len(frame), figures=figures)
    if features is not None and len(frame):
        findings += check_features(features, limits)
    return QualityReport(findings=tuple(findings), figures=figures)


def _twice(name: str) -> Finding:
    text = f"column {name} is there more than once; let the source give it once"
    return Finding(code=FindingCode.DUPLICATE_COLUMN, column=name, message=text)


def _absent(name: str) -> Finding:
    text = f"column {name} is not there; correct the source or the declaration"
    return Finding(code=FindingCode.MISSING_COLUMN, column=name, message=text)


def _rows(frame: pd.DataFrame, limits: DataQualityLimits) -> Iterator[Finding]:
    if not len(frame):
        text = "there are no rows; look whether the source had data before the run's time"
        yield Finding(code=FindingCode.NO_ROWS, observed=0, limit=limits.min_rows, message=text)
    elif len(frame) < limits.min_rows:
        yield Finding(
            code=FindingCode.TOO_FEW_ROWS,
            observed=len(frame),
            limit=limits.min_rows,
            message=f"{len(frame)} rows are fewer than {limits.min_rows}; wait for more data",
        )


def _values(
    column: pd.Series[Any], name: str, missing: float, limits: DataQualityLimits
) -> Iterator[Finding]:
    allowed = limits.missing_share.get(name, limits.max_missing_share)
    if not missing <= allowed:
        yield Finding(
            code=FindingCode.MISSING_VALUES,
            column=name,
            observed=missing,
            limit=allowed,
            message=f"{missing:.2%} of column {name} is missing, more than {allowed:.2%}; "
            "repair the source, or raise the limit if that is normal",
        )
    family = limits.dtypes.get(name)
    if family is not None and not _FAMILIES[family](column):
        yield _wrong_dtype(column, name, family)
    numbers = _numbers(column)
    if numbers is not None and (infinite := int(np.isinf(numbers).sum())):
        yield Finding(
            code=FindingCode.INFINITE_VALUES,
            column=name,
            observed=infinite,
            limit=0,
            message=f"{infinite} values of column {name} are infinite; make them missing",
        )
    asked = limits.ranges.get(name)
    if asked is None:
        return
    if numbers is None:
        if family is None:
            yield _wrong_dtype(column, name, "number")
        return
    known = numbers[~np.isnan(numbers)]
    low = -np.inf if asked.min is None else asked.min
    high = np.inf if asked.max is None else asked.max
    outside = known[~((known >= low) & (known <= high))]
    if outside.size:
        worst = outside.min() if outside.min() < low else outside.max()
        yield Finding(
            code=FindingCode.OUT_OF_RANGE,
            column=name,
            observed=float(worst) if np.isfinite(worst) else str(worst),
            limit=f"{low:g} to {high:g}",
            message=f"{outside.size} values of column {name} lie outside {low:g} to {high:g}, "
            f"such as {worst:g}; repair the source or the range",
        )


def _numbers(column: pd.Series[Any]) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    if types.is_numeric_dtype(column) and not types.is_complex_dtype(column):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    return None


def _wrong_dtype(column: pd.Series[Any], name: str, family: str) -> Finding:
    return Finding(
        code=FindingCode.WRONG_DTYPE,
        column=name,
        observed=str(column.dtype),
        limit=family,
        message=f"column {name} is {column.dtype}, not {family}; convert it in the source",
    )


def _time(
    frame: pd.DataFrame,
    name: str,
    limits: DataQualityLimits,
    at: datetime,
    figures: dict[str, Any],
) -> Iterator[Finding]:
    if name not in frame.columns:
        yield _absent(name)
        return
    if not len(frame):
        return
    column = frame[name]
    if not isinstance(column.dtype, pd.DatetimeTZDtype):
        yield _wrong_dtype(column, name, "time with a zone")
        return
    if missing := int(column.isna().sum()):
        yield Finding(
            code=FindingCode.MISSING_VALUES,
            column=name,
            observed=missing / len(column),
            limit=0.0,
            message=f"{missing} rows have no {name}; drop them in the source",
        )
    if missing == len(column):
        return
    first, last = column.min().to_pydatetime(), column.max().to_pydatetime()
    figures |= {"first_time": iso(first), "last_time": iso(last)}
    if future := int((column >= at).sum()):
        yield Finding(
            code=FindingCode.FUTURE_ROWS,
            column=name,
            observed=future,
            limit=iso(at),
            message=f"{future} rows were not known before {iso(at)}; "
            "the source must give earlier rows only",
        )
    if limits.max_age is not None and not at - last <= limits.max_age:
        allowed = format_duration(limits.max_age)
        yield Finding(
            code=FindingCode.STALE,
            column=name,
            observed=iso(last),
            limit=allowed,
            message=f"the last row is of {iso(last)}, older than {allowed}; "
            "look whether new data arrived",
        )


def _keys(frame: pd.DataFrame, unique: Sequence[str]) -> Iterator[Finding]:
    names = [name for name in unique if name in frame.columns]
    if not names or len(names) < len(unique) or not len(frame):
        return
    try:
        double = int(frame.duplicated(subset=names).sum())
    except TypeError:  # lists or mappings in the cells
        text = f"the key {', '.join(names)} holds values that cannot be compared; use plain values"
        yield Finding(code=FindingCode.WRONG_DTYPE, column=", ".join(names), message=text)
        return
    if double:
        yield Finding(
            code=FindingCode.DUPLICATE_KEY,
            column=", ".join(names),
            observed=double,
            limit=0,
            message=f"{double} rows repeat the key {', '.join(names)} of an earlier row; "
            "drop them in the source",
        )
