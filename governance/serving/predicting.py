"""A loaded model as one function: a matrix in, scores out.

LightGBM is called with one thread: its own team of threads costs twenty times as much as one row
takes. Many rows are cut into pieces that run side by side. What a score is: a booster's prediction,
the probability of class 1, all probabilities where there are more classes, else what ``predict``
gives. Neighbours: ``loading`` (makes one for each version), ``single_row`` (LightGBM's short way).

Not promised: that a model can do anything with missing values; what it refuses is told.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from governance.errors import FeatureGraphMismatchError, InvalidInputError
from governance.serving.single_row import single_row

log = logging.getLogger(__name__)

Matrix = NDArray[np.float64]
Scores = Mapping[str, NDArray[Any]]

PREDICTION = "prediction"  # the name of the one score of a model that is no bundle
PIECE = 16_384  # rows
_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_SIDE_BY_SIDE = ThreadPoolExecutor(_CORES, thread_name_prefix="rows")
_GENERIC = re.compile(r"Column_\d+")


class Predictor:
    """
    Args:
        model: as the registry loads it: a booster, an estimator, or a dict of them (a bundle).
        features: names of the matrix's columns.

    Attributes:
        seconds: what one row takes, measured when it was made; infinite if it failed on zeros.
    """

    def __init__(self, model: object, features: tuple[str, ...]) -> None:
        members = model if isinstance(model, dict) else {PREDICTION: model}
        self._scorers = {str(name): _scorer(one, features) for name, one in members.items()}
        self.seconds = self._measured(len(features))

    @property
    def names(self) -> tuple[str, ...]:
        """One score for a model, one for each member of a bundle."""
        return tuple(self._scorers)

    def __call__(self, matrix: Matrix) -> Scores:
        """Scores by name; each has one entry, or one line of probabilities, for each row.

        Raises:
            InvalidInputError: the model refuses the rows, or gives no finite number for one.
        """
        return {name: self._scored(scorer, matrix) for name, scorer in self._scorers.items()}

    def _scored(self, scorer: Callable[[Matrix], Any], matrix: Matrix) -> NDArray[Any]:
        try:
            if len(matrix) < 2 * PIECE or _CORES == 1:
                made = np.asarray(scorer(matrix))
            else:
                bounds = range(0, len(matrix), PIECE)
                pieces = [matrix[start : start + PIECE] for start in bounds]
                made = np.concatenate(list(_SIDE_BY_SIDE.map(scorer, pieces)))
        except Exception as error:  # whatever a model says of values that it cannot take
            raise InvalidInputError(
                f"the model refuses these rows: {type(error).__name__}: {str(error)[:200]}"
            ) from error
        if made.shape[:1] != (len(matrix),):
            raise InvalidInputError(f"the model gave {made.shape} scores for {len(matrix)} rows")
        if made.dtype.kind == "f" and not np.isfinite(made).all():
            row = int(np.argmin(np.isfinite(made).reshape(len(made), -1).all(axis=1)))
            raise InvalidInputError(f"the model gives no finite number for row {row}")
        return made

    def _measured(self, features: int) -> float:
        zeros = np.zeros((1, features))
        taken = []
        try:
            for _ in range(5):
                start = time.perf_counter()
                self(zeros)
                taken.append(time.perf_counter() - start)
        except InvalidInputError as error:
            log.warning("a model failed on a row of zeros: %s", error)
            return float("inf")
        return min(taken)


def column_order(model: object, registered: tuple[str, ...] | None, ref: str) -> tuple[str, ...]:
    """The names of a model's columns: as it knows them itself, else as registered.

    Raises:
        FeatureGraphMismatchError: it takes another number of columns than were registered.
    """
    members = list(model.values()) if isinstance(model, dict) else [model]
    own, number = _own_names(members[0])
    if any(_own_names(one) != (own, number) for one in members[1:]):
        own = None
    if registered is None:
        return own or tuple(f"Column_{place}" for place in range(number or 0))
    if number is not None and number != len(registered):
        known = f": {', '.join(own[:10])}" if own else ""
        raise FeatureGraphMismatchError(
            f"feature graph mismatch: the model of {ref} takes {number} features{known}, and "
            f"{len(registered)} are registered: {', '.join(registered[:10])}; register it with "
            "its own features"
        )
    if own is not None and set(own) == set(registered):
        return own
    if own is not None and not all(_GENERIC.fullmatch(name) for name in own):
        log.warning("%s: its model calls its columns otherwise; taken in registered order", ref)
    return registered


def _own_names(model: Any) -> tuple[tuple[str, ...] | None, int | None]:
    if callable(getattr(model, "feature_name", None)):
        names = tuple(model.feature_name())
        return names, len(names)
    known = getattr(model, "feature_names_in_", None)
    number = getattr(model, "n_features_in_", None)
    return None if known is None else tuple(map(str, known)), number


def _scorer(model: Any, features: tuple[str, ...]) -> Callable[[Matrix], Any]:
    if type(model).__module__ == "lightgbm.basic":
        if model.pandas_categorical:
            raise InvalidInputError(
                "the model was trained on pandas' categories, which rows of numbers cannot carry; "
                "train it on codes and register that"
            )
        predict, one = model.predict, single_row(model)
        if one is not None:
            return lambda matrix: (
                one(matrix) if len(matrix) == 1 else predict(matrix, num_threads=1)
            )
        return lambda matrix: predict(matrix, num_threads=1)
    named = _as_frame(features) if hasattr(model, "feature_names_in_") else _as_it_is
    if hasattr(model, "predict_proba"):
        return lambda matrix: _of_class_one(model.predict_proba(named(matrix)))
    return lambda matrix: model.predict(named(matrix))


def _as_frame(features: tuple[str, ...]) -> Callable[[Matrix], Any]:
    """An estimator that was fitted with names warns at every call without them."""
    return lambda matrix: pd.DataFrame(matrix, columns=list(features), copy=False)


def _as_it_is(matrix: Matrix) -> Any:
    return matrix


def _of_class_one(probabilities: Any) -> Any:
    made = np.asarray(probabilities)
    return made[:, 1] if made.ndim == 2 and made.shape[1] == 2 else made
