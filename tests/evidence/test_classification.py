"""Classification metrics equal scikit-learn's where those exist, and say why where they do not."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as reference
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import UndefinedMetricWarning

from governance.errors import InvalidEvidenceError
from governance.evidence.classification import classification_metrics

binary = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 1), min_size=n, max_size=n),
        st.lists(st.integers(0, 1), min_size=n, max_size=n),
        # Few distinct values make ties, which is where ranks go wrong.
        st.lists(
            st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]) | st.floats(0, 1), min_size=n, max_size=n
        ),
    )
)
many = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        *[st.lists(st.sampled_from("abc"), min_size=n, max_size=n) for _ in range(2)]
    )
)


@given(binary)
def test_two_classes_equal_the_reference(data: tuple[list[int], list[int], list[float]]) -> None:
    truth, predicted, score = data
    ours = classification_metrics(truth, predicted, score)
    assert ours["accuracy"] == pytest.approx(reference.accuracy_score(truth, predicted))
    assert ours["base_rate"] == pytest.approx(np.mean(truth))
    for name, exists in (
        ("precision", 1 in predicted),
        ("recall", 1 in truth),
        ("f1", 1 in truth or 1 in predicted),
    ):
        theirs = getattr(reference, f"{name}_score")(truth, predicted, zero_division=0)
        assert ours[name] == (pytest.approx(theirs) if exists else None)
        assert (name in ours.reasons) is not exists
    if len(set(truth)) == 2:
        assert ours["auc"] == pytest.approx(reference.roc_auc_score(truth, score), abs=1e-12)
    else:
        assert ours["auc"] is None and "one class" in ours.reasons["auc"]
    theirs = reference.log_loss(truth, score, labels=[0, 1])
    assert ours["log_loss"] == pytest.approx(theirs)
    assert ours["brier"] == pytest.approx(reference.brier_score_loss(truth, score, pos_label=1))


@given(many)
def test_several_classes_equal_the_reference_s_macro_mean(
    data: tuple[list[str], list[str]],
) -> None:
    truth, predicted = data
    ours = classification_metrics(truth, predicted)
    assert "base_rate" not in ours
    occurring = {"precision": set(predicted), "recall": set(truth), "f1": {*truth, *predicted}}
    for name, classes in occurring.items():
        if classes == {*truth, *predicted}:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UndefinedMetricWarning)
                theirs = getattr(reference, f"{name}_score")(truth, predicted, average="macro")
            assert ours[name] == pytest.approx(theirs)
        else:
            assert ours[name] is None and "class" in ours.reasons[name]


def test_document_002_s_example() -> None:
    measured = classification_metrics([0, 1, 0, 1, 1, 0], [0, 1, 0, 1, 0, 0])
    assert measured["accuracy"] == pytest.approx(5 / 6)
    assert measured["precision"] == 1.0
    assert measured["recall"] == pytest.approx(2 / 3)
    assert measured["f1"] == pytest.approx(0.8)


def test_a_certain_and_wrong_forecast_costs_much_but_not_infinity() -> None:
    measured = classification_metrics([1], [0], [0.0])
    assert measured["log_loss"] == pytest.approx(36.04, abs=0.01)


@pytest.mark.parametrize(
    "labels",
    [
        [True, False, True],
        [1.0, 0.0, 1.0],
        np.array([1, 0, 1], dtype=np.uint8),
        pd.Series([1, 0, 1], dtype="Int64"),
        pd.Series([True, False, True], dtype="boolean"),
        pd.Series([1, 0, 1], dtype="category"),
        (1, 0, 1),
    ],
)
def test_every_way_of_writing_two_classes_is_the_same(labels: Any) -> None:
    assert dict(classification_metrics(labels, [1, 0, 0])) == dict(
        classification_metrics([1, 0, 1], [1, 0, 0])
    )


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        (([], []), "no rows"),
        (([0, 1], [0]), "different numbers of rows: y_true 2, y_pred 1"),
        (([0, None], [0, 1]), "1 of 2 labels missing"),
        (([0, float("nan")], [0, 1]), "1 of 2 labels missing"),
        (([0, float("inf")], [0, 1]), "not finite"),
        (([0, 1], [0.2, 0.8]), "class labels"),
        (([0, 1], ["a", "b"]), "different types"),
        (([0, "a"], [0, 1]), "numbers only"),
        (([[0], [1]], [0, 1]), "one dimension"),
        (([[0], [1, 2]], [0, 1]), "plain list"),
        ((None, [0, 1]), "must be a list"),
        (("01", [0, 1]), "must be a list"),
        (([0, 1], [0, 1], [0.5, 1.5]), "each in"),
        (([0, 1], [0, 1], [0.5, float("nan")]), "1 of 2 values"),
        (([0, 1], [0, 1], [0.5]), "different numbers"),
        (([0, 2], [0, 2], [0.5, 0.6]), "labels 0 and 1 only"),
        (([0j, 1j], [0, 1]), "complex"),
        ((pd.to_datetime(["2013-01-01"]), [0]), "datetime"),
        ((pd.Series([0, 1]), pd.Series([0, 1], index=[1, 2])), "different indexes"),
    ],
)  # fmt: skip
def test_input_that_can_never_be_right_is_refused(given_: tuple[Any, ...], said: str) -> None:
    with pytest.raises(InvalidEvidenceError, match=said):
        classification_metrics(*given_)
