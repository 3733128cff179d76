"""What a trainer returns is looked at before anything is measured or registered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

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


def test_the_offered_form_of_predictions_is_accepted(demo: Demo) -> None:
    data = demo("momentum").data
    rows = data.splits.final.validation
    made = TrainedModel(
        model=1, predictions={"validation": data.predictions(rows, np.zeros(len(rows)))}
    )
    assert check_trained(made, data, trainer="users:train") is made
