"""Nothing that was unknown at `at` reaches a trainer, and bad input is refused with its reason."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from governance.config import ModelDeclaration
from governance.errors import ConfigError, DataQualityError, FeatureGraphError, GovernanceError
from governance.training.data import Labels
from governance.training.prepare import feature_graph, label_frame, prepare, trainer_config

from .conftest import Trained

START = datetime(2013, 1, 1, tzinfo=UTC)
AT = START + timedelta(days=60)
ROWS = 50

Make = Callable[..., ModelDeclaration]


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Make:
    """A small declaration whose label function gives what it is told."""
    module = ModuleType("users_label")
    monkeypatch.setitem(sys.modules, "users_label", module)

    def make(gives: Any, **changes: Any) -> ModelDeclaration:
        module.label = gives if callable(gives) else lambda frame: gives  # type: ignore[attr-defined]  # a module made for this
        return ModelDeclaration.model_validate(
            {
                "kind": "classifier",
                "owner": "test",
                "source": {"function": "users_source:rows"},
                "label": {"function": "users_label:label"},
                "features": {"inputs": ["x"], "definitions": [_column("x")]},
                "trainer": {"function": "users_trainer:train", "seed": 3, "params": {"depth": 2}},
                "splits": {"method": "time", "validation_share": 0.2, "test_share": 0.2},
                "metrics": ["auc"],
                **changes,
            },
            strict=False,
        )

    return make


def _column(name: str) -> dict[str, Any]:
    return {"name": name, "version": "1", "dependencies": [name]}


def _frame() -> pd.DataFrame:
    times = pd.Series(pd.date_range(START, periods=ROWS, freq="1D"))
    return pd.DataFrame({"time": times, "x": np.arange(ROWS, dtype=float)})


def _alternating() -> pd.Series[Any]:
    return pd.Series(np.arange(ROWS) % 2, dtype=float)


def test_the_demo_models_hold_nothing_later_than_at(each_demo: Trained) -> None:
    data = each_demo.data
    assert data.times.is_monotonic_increasing
    assert (data.times < data.at).all()
    assert (data.known_at < data.at).all()
    assert data.label.notna().all()
    assert data.features.index.equals(data.label.index)
    assert data.counts["rows"] == len(each_demo.frame)
    assert data.counts["used"] + data.counts["without_label"] == data.counts["rows"]
    assert data.counts["used"] == len(data.label)


def test_the_demo_features_are_those_of_the_graph(each_demo: Trained) -> None:
    graph = feature_graph(each_demo.declaration)
    assert each_demo.data.feature_names == graph.outputs
    computed = graph.compute(each_demo.frame)
    labels = label_frame(each_demo.declaration, each_demo.frame, at=each_demo.data.at)
    kept = computed[labels.values.notna().to_numpy()].reset_index(drop=True)
    pd.testing.assert_frame_equal(each_demo.data.features, kept.astype(float))


def test_the_same_rows_from_a_parquet_file_give_the_same_data(
    each_demo: Trained, tmp_path: Any
) -> None:
    each_demo.frame.to_parquet(tmp_path / "data.parquet", index=False)
    again = prepare(
        each_demo.declaration, pd.read_parquet(tmp_path / "data.parquet"), at=each_demo.data.at
    )
    pd.testing.assert_frame_equal(again.features, each_demo.data.features)
    pd.testing.assert_series_equal(again.label, each_demo.data.label)
    assert again.splits.windows(again.times) == each_demo.data.splits.windows(each_demo.data.times)


def test_a_label_that_was_not_known_yet_is_left_out(declare: Make) -> None:
    frame = _frame()
    late = frame["time"] + timedelta(days=5)
    at = START + timedelta(days=ROWS)
    data = prepare(declare(Labels(values=_alternating(), known_at=late)), frame, at=at)
    assert data.counts == {"rows": ROWS, "without_label": 5, "used": ROWS - 5}
    assert (data.known_at < at).all()


def test_a_plain_series_is_a_label_known_at_once(declare: Make) -> None:
    data = prepare(declare(_alternating()), _frame(), at=AT)
    assert data.counts["used"] == ROWS
    assert data.known_at.tolist() == data.times.tolist()


def _known(how: str) -> Labels:
    times: pd.Series[Any] = _frame()["time"]
    made = {
        "naive": times.dt.tz_localize(None),
        "numbers": pd.Series(np.arange(ROWS)),
        "text": times.astype(str),
        "early": times.where(times.index != 7, times - timedelta(microseconds=1)),
    }
    return Labels(values=_alternating(), known_at=made[how])


def _raising(frame: pd.DataFrame) -> pd.Series[Any]:
    raise KeyError("no_such_column")


@pytest.mark.parametrize(
    ("label", "told"),
    [
        (pd.Series([np.nan] * ROWS), "none of 50 rows has a label"),
        (_alternating().replace(0.0, np.inf), "the label is infinite"),
        (_alternating() + 1, r"labels of a classifier model are 0 and 1, but there are \[2.0\]"),
        (_alternating() * 0, "have one class only"),
        (pd.Series(["yes"] * ROWS), "give numbers"),
        (pd.Series([1.0]), "one entry for each row"),
        (np.ones(ROWS), "one entry for each row"),
        (None, "one entry for each row"),
        (_alternating().to_frame(), "values must be a Series"),
        (_alternating().astype(complex), "values are complex128"),
        (Labels(values=_alternating(), extra=cast(Any, np.ones((ROWS, 1)))), "extra must be a Dat"),
        (Labels(values=_alternating(), extra=cast(Any, None)), "extra must be a DataFrame"),
        (Labels(values=_alternating(), known_at=_frame()["time"][::-1]), "known_at must be a"),
        (_known("naive"), "users_label:label: known_at is datetime64"),
        (_known("numbers"), "known_at is int64"),
        (_known("text"), "known_at is "),
        (_known("early"), "known_at of 1 rows lies before the row's own time"),
        (_raising, "KeyError: 'no_such_column'"),
    ],
)
def test_a_bad_label_is_refused(declare: Make, label: Any, told: str) -> None:
    with pytest.raises(DataQualityError, match=told):
        prepare(declare(label), _frame(), at=AT)


def test_nullable_labels_are_taken_and_a_missing_one_is_left_out(declare: Make) -> None:
    label = _alternating().where(lambda one: one.index != 3).astype("Int64")
    data = prepare(declare(label), _frame(), at=AT)
    assert data.counts["without_label"] == 1


def test_what_a_label_function_does_to_its_frame_reaches_no_feature(declare: Make) -> None:
    def leaks(frame: pd.DataFrame, *, notes: list[int]) -> pd.Series[Any]:
        frame["x"] = 1e9
        frame.loc[:, "time"] = frame["time"].iloc[-1]
        notes.append(1)
        return _alternating()

    declaration = declare(leaks, label={"function": "users_label:label", "params": {"notes": []}})
    frame = _frame()
    data = prepare(declaration, frame, at=AT)
    assert data.features["x"].tolist() == list(range(ROWS))
    assert data.times.tolist() == _frame()["time"].tolist()
    pd.testing.assert_frame_equal(frame, _frame())
    assert declaration.label.params == {"notes": []}


def test_a_regressor_may_have_any_finite_label(declare: Make) -> None:
    declaration = declare(_alternating() * 0 - 7.5, kind="regressor", metrics=["mae"])
    assert set(prepare(declaration, _frame(), at=AT).label) == {-7.5}


@pytest.mark.parametrize(
    ("column", "error", "told"),
    [
        (None, FeatureGraphError, r"columns \['x'\] are missing"),
        (pd.Series(["a"] * ROWS), FeatureGraphError, "not a number"),
        (pd.Series([np.inf] * ROWS), DataQualityError, "features x are infinite"),
    ],
)
def test_a_bad_feature_is_refused(
    declare: Make, column: Any, error: type[GovernanceError], told: str
) -> None:
    frame = _frame().drop(columns="x")
    if column is not None:
        frame["x"] = column
    with pytest.raises(error, match=told):
        prepare(declare(_alternating()), frame, at=AT)


def test_an_unknown_label_function_is_a_mistake_of_the_configuration(declare: Make) -> None:
    declaration = declare(_alternating(), label={"function": "users_label:other"})
    with pytest.raises(ConfigError, match="has no other"):
        prepare(declaration, _frame(), at=AT)


def test_the_trainer_is_told_what_is_declared(declare: Make) -> None:
    config = trainer_config(declare(_alternating()))
    assert (config.seed, config.params, config.kind) == (3, {"depth": 2}, "classifier")
