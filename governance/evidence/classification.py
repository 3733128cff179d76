"""Metrics of a classifier: from labels, and for two classes from probabilities as well.

Each equals scikit-learn's figure where that one exists (tested); where a denominator is zero ours
is ``None`` with a reason, while scikit-learn answers 0 and warns. Neighbours: ``regression``,
``trading``. Not offered: weights, thresholds chosen from the data, probabilities of more than two
classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from governance.errors import InvalidEvidenceError
from governance.evidence.measured import (
    Measured,
    Vector,
    as_labels,
    as_vector,
    require_same_rows,
)


def classification_metrics(y_true: Any, y_pred: Any, y_score: Any = None) -> Measured:
    """Accuracy, precision, recall, F1; with ``y_score`` also AUC, log loss and Brier score.

    Labels that are all 0 or 1 make a two-class problem whose positive class is 1, and its base rate
    is given. Other labels: precision, recall and F1 are means over the classes that occur (macro).

    Args:
        y_true, y_pred: labels, shape (n,).
        y_score: probability of class 1, shape (n,), each in [0, 1].

    Raises:
        InvalidEvidenceError: no rows, different lengths, missing values, a score outside [0, 1].

    >>> dict(classification_metrics([0, 1, 0, 1], [0, 1, 1, 1]))
    {'accuracy': 0.75, 'precision': 0.666..., 'recall': 1.0, 'f1': 0.8, 'base_rate': 0.5}
    >>> classification_metrics([1, 1], [1, 1], [0.9, 0.8]).reasons
    {'auc': 'only one class occurs in y_true'}
    """
    given = {"y_true": y_true, "y_pred": y_pred}
    truth, predicted = (as_labels(values, name) for name, values in given.items())
    require_same_rows(**given, **({} if y_score is None else {"y_score": y_score}))
    if truth.dtype.kind != predicted.dtype.kind:
        raise InvalidEvidenceError("y_true and y_pred have labels of different types; use the same")
    values: dict[str, float | None] = {"accuracy": float((truth == predicted).mean())}
    reasons: dict[str, str] = {}
    binary = truth.dtype.kind == "i" and bool(np.isin([truth, predicted], (0, 1)).all())
    classes = np.array([1]) if binary else np.unique(np.concatenate([truth, predicted]))
    _add_class_means(values, reasons, truth, predicted, classes)
    if binary:
        values["base_rate"] = float(truth.mean())
    if y_score is not None:
        if not binary:
            raise InvalidEvidenceError("y_score is for labels 0 and 1 only; leave it out")
        _add_score_metrics(values, reasons, truth, as_vector(y_score, "y_score"))
    return Measured(values, truth.size, reasons)


def _add_class_means(
    values: dict[str, float | None],
    reasons: dict[str, str],
    truth: NDArray[Any],
    predicted: NDArray[Any],
    classes: NDArray[Any],
) -> None:
    hits = np.array([((truth == c) & (predicted == c)).sum() for c in classes], dtype=float)
    guesses = np.array([(predicted == c).sum() for c in classes], dtype=float)
    actual = np.array([(truth == c).sum() for c in classes], dtype=float)
    for name, above, below, reason in (
        ("precision", hits, guesses, "class {} was never predicted"),
        ("recall", hits, actual, "class {} does not occur in y_true"),
        ("f1", 2 * hits, guesses + actual, "class {} neither occurs nor was predicted"),
    ):
        empty = classes[below == 0]
        if empty.size:
            values[name], reasons[name] = None, reason.format(empty[0])
        else:
            values[name] = float((above / below).mean())


def _add_score_metrics(
    values: dict[str, float | None], reasons: dict[str, str], truth: NDArray[Any], score: Vector
) -> None:
    if not ((score >= 0) & (score <= 1)).all():
        raise InvalidEvidenceError("y_score must be probabilities of class 1, each in [0, 1]")
    values["auc"] = area_under_curve(truth, score)
    if values["auc"] is None:
        reasons["auc"] = "only one class occurs in y_true"
    # A certain and wrong forecast would cost infinity; it is held one epsilon away, as elsewhere.
    epsilon = np.finfo(np.float64).eps
    held = np.clip(score, epsilon, 1 - epsilon)
    values["log_loss"] = float(-np.log(np.where(truth == 1, held, 1 - held)).mean())
    values["brier"] = float(((score - truth) ** 2).mean())


def area_under_curve(truth: NDArray[Any], score: Vector) -> float | None:
    """Probability that a random positive scores above a random negative; ties count half.

    The Mann-Whitney statistic over mid-ranks, in whole numbers until the last division.

    >>> area_under_curve(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    positive = truth == 1
    n_positive = int(positive.sum())
    n_negative = int(truth.size - n_positive)
    if not n_positive or not n_negative:
        return None
    _, group, size = np.unique(score, return_inverse=True, return_counts=True)
    doubled_rank = (2 * np.cumsum(size) - size + 1)[group]
    excess = int(doubled_rank[positive].sum()) - n_positive * (n_positive + 1)
    return excess / (2 * n_positive * n_negative)
