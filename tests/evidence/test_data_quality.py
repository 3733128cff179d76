"""Bad training data is found, all of it at once, and no table makes a check raise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.canonical import canonical_json
from governance.config import DataQualityLimits
from governance.errors import DataQualityError, NaiveDatetimeError
from governance.evidence.data_quality import check
from governance.evidence.quality_report import FindingCode, QualityReport
from governance.values import Kind

AT = datetime(2013, 2, 1, tzinfo=UTC)
ROWS = 20


def bars(**columns: Any) -> pd.DataFrame:
    """Twenty good daily rows up to the day before ``AT``, with ``columns`` replaced."""
    times = pd.date_range(end=AT - timedelta(days=1), periods=ROWS, freq="D")
    good = {"time": times, "close": np.arange(ROWS) + 100.0, "volume": np.arange(ROWS)}
    return pd.DataFrame(good | columns)


def limits(**given_: Any) -> DataQualityLimits:
    return DataQualityLimits.model_validate(given_)


def looked(
    frame: pd.DataFrame, asked: DataQualityLimits | None = None, **given_: Any
) -> QualityReport:
    defaults: dict[str, Any] = {"at": AT, "columns": ["close", "volume"], "time_column": "time"}
    return check(frame, asked or DataQualityLimits(), **defaults | given_)


def codes(report: QualityReport) -> list[tuple[str, str]]:
    return [(finding.code.value, finding.column) for finding in report.findings]


def test_good_rows_have_no_finding_and_raise_nothing() -> None:
    report = looked(bars(), limits(min_rows=ROWS, max_age="2d", ranges={"close": {"min": 100}}))
    assert report.ok
    report.raise_for_findings()
    assert report.figures["rows"] == ROWS
    assert report.figures["last_time"] == "2013-01-31T00:00:00.000000Z"


with_gap = [None, *range(1, ROWS)]
with_infinity = [float("inf"), *range(1, ROWS)]
as_text = [str(number) for number in range(ROWS)]


@pytest.mark.parametrize(
    ("frame", "asked", "found"),
    [
        (bars().iloc[:0], {}, [("no_rows", "")]),
        (bars().iloc[:5], {"min_rows": 6}, [("too_few_rows", "")]),
        (bars().drop(columns="close"), {}, [("missing_column", "close")]),
        (bars().drop(columns="time"), {}, [("missing_column", "time")]),
        (bars(), {"ranges": {"open": {"min": 0}}}, [("missing_column", "open")]),
        (bars(close=with_gap), {}, [("missing_values", "close")]),
        (bars(close=with_gap), {"max_missing_share": 0.05}, []),
        (bars(close=with_gap), {"missing_share": {"close": 0.05}}, []),
        (bars(close=with_gap), {"max_missing_share": 1, "missing_share": {"close": 0.04}},
         [("missing_values", "close")]),
        (bars(close=[None] * ROWS), {}, [("missing_values", "close")]),
        (bars(close=with_infinity), {}, [("infinite_values", "close")]),
        (bars(close=-5.0), {"ranges": {"close": {"min": 0}}}, [("out_of_range", "close")]),
        (bars(), {"ranges": {"close": {"max": 110}}}, [("out_of_range", "close")]),
        (bars(close=with_infinity), {"ranges": {"close": {"min": 0}}},
         [("infinite_values", "close")]),
        (bars(close=with_infinity), {"ranges": {"close": {"max": 100}}},
         [("infinite_values", "close"), ("out_of_range", "close")]),
        (bars(close=with_gap), {"max_missing_share": 1, "ranges": {"close": {"min": 0}}}, []),
        (bars(close=as_text), {"ranges": {"close": {"min": 0}}}, [("wrong_dtype", "close")]),
        (bars(close=as_text), {"dtypes": {"close": "number"}}, [("wrong_dtype", "close")]),
        (bars(close=as_text), {"dtypes": {"close": "text"}}, []),
        (bars(close=True), {"dtypes": {"close": "number"}}, [("wrong_dtype", "close")]),
        (bars(close=True), {"dtypes": {"close": "boolean"}}, []),
        (bars(), {"dtypes": {"close": "integer"}}, [("wrong_dtype", "close")]),
        (bars(), {"dtypes": {"volume": "integer", "time": "time"}}, []),
        (bars(), {"max_age": "23h"}, [("stale", "time")]),
        (bars(), {"max_age": "24h"}, []),
        (bars(time=pd.date_range("2013-01-13", periods=ROWS, tz=UTC)), {},
         [("future_rows", "time")]),
        (bars(time=pd.date_range("2013-01-01", periods=ROWS)), {}, [("wrong_dtype", "time")]),
        (bars(time="2013-01-01"), {}, [("wrong_dtype", "time")]),
        (bars(time=pd.Series([pd.NaT] * ROWS, dtype="datetime64[ns, UTC]")), {"max_age": "1d"},
         [("missing_values", "time")]),
        (bars(volume=1), {"unique": ["volume"]}, [("duplicate_key", "volume")]),
        (bars(volume=1), {"unique": ["volume", "time"]}, []),
        (bars(close=[[1]] * ROWS), {"unique": ["close", "volume"]},
         [("wrong_dtype", "close, volume")]),
        (bars(), {"unique": ["id"]}, [("missing_column", "id")]),
        (pd.concat([bars(), bars()["close"]], axis=1), {}, [("duplicate_column", "close")]),
        (pd.DataFrame(), {}, [("no_rows", ""), ("missing_column", "close"),
         ("missing_column", "volume"), ("missing_column", "time")]),
    ],
)  # fmt: skip
def test_a_fault_of_the_rows_is_found(
    frame: pd.DataFrame, asked: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    report = looked(frame, limits(**asked))
    assert codes(report) == found
    canonical_json(report.as_json())


def test_a_row_at_the_run_s_own_time_is_from_the_future() -> None:
    times = pd.date_range(end=AT, periods=ROWS, freq="D")
    report = looked(bars(time=times))
    assert codes(report) == [("future_rows", "time")]
    assert report.findings[0].observed == 1


def test_times_of_another_zone_are_compared_as_instants() -> None:
    times = pd.date_range(end=AT - timedelta(hours=1), periods=ROWS, freq="D")
    assert looked(bars(time=times.tz_convert("Asia/Tokyo")), limits(max_age="1h")).ok


@pytest.mark.parametrize(
    ("label", "kind", "asked", "found"),
    [
        ([0, 1] * 10, Kind.CLASSIFIER, {}, []),
        ([0.0, 1.0, None, None] * 5, Kind.CLASSIFIER, {}, ["label_missing"]),
        ([0.0, 1.0, None, None] * 5, Kind.CLASSIFIER, {"max_missing_label_share": 0.5}, []),
        ([0.0, 1.0, None, None] * 5, Kind.TRADING, {"max_missing_label_share": 1, "min_rows": 11},
         ["too_few_labels"]),
        ([None] * ROWS, Kind.CLASSIFIER, {}, ["no_labels"]),
        ([np.nan] * ROWS, Kind.REGRESSOR, {}, ["no_labels"]),
        ([1] * ROWS, Kind.CLASSIFIER, {}, ["one_class"]),
        ([2.5] * ROWS, Kind.REGRESSOR, {}, ["one_class"]),
        ([1] + [0] * (ROWS - 1), Kind.CLASSIFIER, {"min_class_share": 0.1}, ["small_class"]),
        ([1] + [0] * (ROWS - 1), Kind.CLASSIFIER, {"min_class_share": 0.05}, []),
        ([float("inf"), *np.arange(ROWS - 1.0)], Kind.REGRESSOR, {}, ["label_not_finite"]),
        (np.arange(float(ROWS)), Kind.REGRESSOR, {}, []),
        (["a", "b"] * 10, Kind.CLASSIFIER, {}, []),
        (["a", "b"] * 10, Kind.REGRESSOR, {}, ["wrong_dtype"]),
        ([[1]] * ROWS, Kind.CLASSIFIER, {}, ["wrong_dtype"]),
    ],
)  # fmt: skip
def test_a_fault_of_the_labels_is_found(
    label: Any, kind: Kind, asked: dict[str, Any], found: list[str]
) -> None:
    report = looked(bars(), limits(**asked), label=pd.Series(label), kind=kind)
    assert [code for code, _ in codes(report)] == found
    canonical_json(report.as_json())


@pytest.mark.parametrize(
    ("values", "asked", "found"),
    [
        (np.arange(ROWS), {}, []),
        ([np.nan] * ROWS, {}, ["all_missing"]),
        ([3.0] * ROWS, {}, ["constant"]),
        ([3.0, None] * 10, {}, ["constant"]),
        ([3.0] * ROWS, {"may_be_constant": ["f"]}, []),
        (with_infinity, {}, ["infinite_values"]),
        (["x"] * ROWS, {}, ["constant"]),
        ([[1], []] * 10, {}, ["wrong_dtype"]),
        (with_gap, {}, []),
    ],
)
def test_a_fault_of_the_features_is_found(
    values: Any, asked: dict[str, Any], found: list[str]
) -> None:
    report = looked(bars(), limits(**asked), features=pd.DataFrame({"f": values}))
    assert codes(report) == [(code, "f") for code in found]


def test_all_findings_are_told_at_once_with_what_to_do() -> None:
    report = looked(
        bars(close=with_gap, volume=-1).iloc[:5],
        limits(min_rows=10, ranges={"volume": {"min": 0}}, max_age="1d"),
        label=pd.Series([1] * 5),
        kind=Kind.CLASSIFIER,
    )
    expected = [
        "too_few_rows",
        "missing_values",
        "out_of_range",
        "stale",
        "too_few_labels",
        "one_class",
    ]
    with pytest.raises(DataQualityError) as caught:
        report.raise_for_findings()
    lines = caught.value.message.splitlines()[1:]
    assert [line.split(":")[0] for line in lines] == [f"- {code}" for code in expected]
    assert all(";" in line or "," in line for line in lines), "each says what to do"


def test_a_run_s_time_without_a_zone_is_refused() -> None:
    with pytest.raises(NaiveDatetimeError):
        looked(bars(), at=datetime(2013, 2, 1))


cells = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(), st.text(max_size=3),
    st.datetimes(), st.lists(st.integers(), max_size=1), st.complex_numbers(),
    st.binary(max_size=2),
)  # fmt: skip
frames = st.integers(0, 4).flatmap(
    lambda rows: st.dictionaries(
        st.sampled_from(["time", "close", "volume", "other"]),
        st.lists(cells, min_size=rows, max_size=rows).map(lambda v: pd.Series(v, dtype=object))
        | st.lists(st.floats(), min_size=rows, max_size=rows).map(
            lambda v: pd.Series(v, dtype=float)
        ),
        max_size=4,
    )
)
every_limit = limits(
    min_rows=3,
    max_age="1d",
    ranges={"close": {"min": 0, "max": 10}},
    dtypes={"volume": "integer", "other": "text"},
    unique=["close", "volume"],
    min_class_share=0.2,
)


@given(frames, st.sampled_from(Kind))
def test_no_table_makes_a_check_raise_and_no_report_holds_a_nan(
    columns: dict[str, pd.Series[Any]], kind: Kind
) -> None:
    frame = pd.DataFrame(columns)
    label = frame.iloc[:, 0] if frame.shape[1] else pd.Series(dtype=float)
    report = looked(frame, every_limit, label=label, kind=kind, features=frame)
    canonical_json(report.as_json())
    assert not report.ok, "close, volume and time are never all good here"


def test_every_finding_code_has_a_test() -> None:
    source = __import__("pathlib").Path(__file__).read_text()
    assert [code for code in FindingCode if f'"{code}"' not in source] == []
