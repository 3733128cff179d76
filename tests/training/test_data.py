"""What a trainer returns is looked at before anything is measured or registered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.errors import TrainingError
from governance.training.data import TrainedModel, check_trained

from .conftest import Trained

Demo = Callable[[str], Trained]


def _scores(values: Any, index: Any) -> pd.DataFrame:
    return pd.DataFrame({"score": values}, index=index)


@pytest.mark.parametrize(
    ("predictions", "told"),
    [
        ({}, "returned no predictions"),
        ({"test": [0.5]}, "split 'test': predictions must be a DataFrame"),
        ({"test": pd.DataFrame({"p": [0.5]})}, "with the column 'score'"),
        ({"test": _scores([], pd.Index([], dtype=int))}, "there is no prediction"),
        ({"test": _scores([0.5], [-1])}, "row numbers from 0 to"),
        ({"test": _scores([0.5], [10**9])}, "row numbers from 0 to"),
        ({"test": _scores([0.5], ["a"])}, "row numbers from 0 to"),
        ({"test": _scores([0.5, 0.5], [1, 1])}, "a row is predicted twice"),
        ({"test": _scores(["high"], [1])}, "scores must be numbers"),
        ({"test": _scores([np.nan], [1])}, "a score is NaN or infinite"),
        ({"test": _scores([np.inf], [1])}, "a score is NaN or infinite"),
        ({"test": _scores([1j], [1])}, "scores must be numbers"),
        ({"own": _scores(pd.array([None], dtype="Float64"), [1])}, "a score is NaN or infinite"),
        ({"own": _scores([[0.5, 0.5]], [1]).set_axis(["score"], axis=1)}, "numbers"),
        ({"test": _scores([0.5], [1])}, "these splits have no test rows"),
        ({"validation": _scores([0.5], [1])}, "its 1 rows are not the 250 rows"),
        ({"own split": _scores([0.5], [1])}, "dataset_split 'own split' is not allowed"),
        ({"": _scores([0.5], [1])}, "dataset_split '' is not allowed"),
        ({5: _scores([0.5], [1])}, "dataset_split 5 is not allowed"),
        ([0.5], "predictions must be a mapping, not a list"),
        (None, "predictions must be a mapping"),
    ],
)
def test_predictions_that_cannot_be_measured_are_refused(
    demo: Demo, predictions: Mapping[str, Any], told: str
) -> None:
    made = TrainedModel(model=object(), predictions=predictions)
    with pytest.raises(TrainingError, match=told):
        check_trained(made, demo("momentum").data, trainer="users:train")


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ("a model", "users:train returned a str; return a TrainedModel"),
        (TrainedModel(model=None, predictions={}), "returned no model"),
    ],
)
def test_what_is_no_trained_model_is_refused(demo: Demo, made: Any, told: str) -> None:
    with pytest.raises(TrainingError, match=told):
        check_trained(made, demo("momentum").data, trainer="users:train")


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"notes": None}, "notes must be a tuple of sentences"),
        ({"notes": "a sentence"}, "notes must be a tuple of sentences"),
        ({"notes": (1,)}, "notes must be a tuple of sentences"),
        ({"params": None}, "params must be a mapping"),
        ({"feature_importance": [0.5]}, "feature_importance must be a mapping"),
        ({"best_iteration": "5"}, "best_iteration must be a whole number"),
    ],
)
def test_another_form_of_an_attribute_is_refused(
    demo: Demo, other: dict[str, Any], told: str
) -> None:
    trained = demo("momentum").trained
    with pytest.raises(TrainingError, match=told):
        check_trained(replace(trained, **other), demo("momentum").data, trainer="users:train")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(each=st.data())
def test_a_named_split_is_scored_on_exactly_its_rows(demo: Demo, each: st.DataObject) -> None:
    """One row taken away, added or exchanged for another one is enough to be refused."""
    data = demo("arrival_delay").data
    named = data.splits.named()
    split = each.draw(st.sampled_from(sorted(named)))
    rows = named[split]
    position = each.draw(st.integers(0, len(rows) - 1))
    other = each.draw(st.sampled_from(np.setdiff1d(np.arange(len(data.label)), rows).tolist()))
    for changed in (
        np.delete(rows, position),
        np.append(rows, other),
        np.append(np.delete(rows, position), other),
    ):
        scores = data.predictions(changed, np.zeros(len(changed)))
        with pytest.raises(TrainingError, match="score exactly those"):
            check_trained(
                TrainedModel(model=1, predictions={split: scores}), data, trainer="users:train"
            )
        own = TrainedModel(model=1, predictions={"own": scores})
        assert check_trained(own, data, trainer="users:train") is own
    mixed = data.predictions(rows[::-1], np.zeros(len(rows)))
    assert check_trained(TrainedModel(model=1, predictions={split: mixed}), data, trainer="t")


def test_the_offered_form_of_predictions_is_accepted(demo: Demo) -> None:
    data = demo("momentum").data
    rows = data.splits.final.validation
    made = TrainedModel(
        model=1, predictions={"validation": data.predictions(rows, np.zeros(len(rows)))}
    )
    assert check_trained(made, data, trainer="users:train") is made
