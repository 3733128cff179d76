"""What a trainer receives, what it is told, and what it must return.

`governance.training.prepare` builds a ``TrainingData``, a trainer turns it with a ``TrainerConfig``
into a ``TrainedModel``, `governance.training.evaluate` measures that. Rows are numbered 0..n-1 in
time order; splits and predictions speak in these row numbers. Not promised: that a model object can
be stored (`governance.registry.formats` decides that).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from governance.config.splits import NAMES
from governance.errors import InvalidInputError, TrainingError
from governance.evidence.checked_metrics import check_split
from governance.training.splits import Rows, Splits
from governance.values import Kind

SCORE = "score"
PREDICTED = "predicted"
POSITION = "position"
FORWARD_RETURN = "forward_return"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Labels:
    """What a label function may return instead of a bare Series. All share the frame's index.

    Attributes:
        values: the label; missing where there is none.
        known_at: zoned time at which the label is known, never before the row's own time;
            ``None`` means at the row's own time. It is also the end of the label's window, by which
            training rows are purged.
        extra: further columns for the evaluation, such as the ``forward_return`` a position earns.
    """

    values: pd.Series[Any]
    known_at: pd.Series[Any] | None = None
    extra: pd.DataFrame = field(default_factory=pd.DataFrame)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TrainingData:
    """Rows that have a label, in time order, ready to be trained on.

    Attributes:
        features: shape (rows, features), numbers only; a missing value is NaN.
        label: shape (rows,), finite floats; a classifier's are 0.0 and 1.0.
        times: shape (rows,), UTC, the event time of each row, never decreasing.
        known_at: shape (rows,), UTC, when each label was known; every one is before ``at``.
        splits: row numbers of every split.
        at: the evidence cut-off: nothing in here was unknown then.
        extra: further columns for the evaluation.
        counts: what became of the source's rows: ``rows``, ``without_label``, ``used``.
    """

    features: pd.DataFrame
    label: pd.Series[Any]
    times: pd.Series[Any]
    known_at: pd.Series[Any]
    splits: Splits
    at: datetime
    extra: pd.DataFrame
    counts: Mapping[str, int]

    @property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(str(name) for name in self.features.columns)

    def matrix(self, rows: Rows) -> pd.DataFrame:
        """The features of ``rows``, in the order of ``rows``."""
        return self.features.iloc[rows]

    def target(self, rows: Rows) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The labels of ``rows`` as floats."""
        return self.label.iloc[rows].to_numpy(dtype=np.float64)

    def predictions(self, rows: Rows, scores: Any) -> pd.DataFrame:
        """``scores`` in the form that ``TrainedModel.predictions`` wants: indexed by row number."""
        return pd.DataFrame({SCORE: np.asarray(scores, dtype=np.float64)}, index=pd.Index(rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerConfig:
    """What a trainer is told besides the data.

    Attributes:
        kind: a classifier's and a trading model's scores are probabilities of label 1, a
            regressor's are values of the label.
        seed: the only source of chance.
        params: the declaration's ``trainer.params``, as written.
        members: of a bundle, by name: target and horizon.
        threads: how many threads may be used. One is the default: it is the surest repetition,
            and several models train beside each other anyway.
    """

    kind: Kind
    seed: int = 0
    params: Mapping[str, Any] = field(default_factory=dict)
    members: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    threads: int = 1


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Member:
    """What a trainer says of one model of a bundle.

    Attributes:
        target, horizon: what it predicts, and how many bars ahead.
        threshold: a score above it is acted on; chosen on data that no figure is measured on.
        predictions: as in `TrainedModel`, measured on the label in the column of ``extra`` that has
            the member's name.
    """

    target: str
    horizon: int
    threshold: float
    predictions: Mapping[str, pd.DataFrame]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TrainedModel:
    """What a trainer returns.

    Attributes:
        model: the object that is registered; any that `governance.registry.formats` can store.
        predictions: for each split a DataFrame with the column ``score``, indexed by row number
            (``TrainingData.predictions`` makes one). ``train``, ``validation``, ``test`` and
            ``out_of_sample`` are scored on exactly the rows that ``splits.named()`` gives them;
            another name may have any rows. A trading model's has ``position`` as well, a
            classifier's may have ``predicted``, the class (default: a score above 0.5 is 1).
            What is not here is not measured. A bundle has them in its members, and none here.
        members: of a bundle; ``model`` is then a mapping with the same keys, `target_horizon`.
        feature_importance: share of each feature, in any unit.
        params: the parameters in force, defaults included.
        best_iteration: where early stopping stopped; ``None`` without it.
        notes: sentences for the reader of the model's record.
    """

    model: Any
    predictions: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    members: Mapping[str, Member] = field(default_factory=dict)
    feature_importance: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    best_iteration: int | None = None
    notes: tuple[str, ...] = ()


def check_trained(trained: object, data: TrainingData, *, trainer: str) -> TrainedModel:
    """``trained`` itself if it can be evaluated and registered.

    Args:
        data: what the trainer was given; ask with an object that the trainer could not change.

    Raises:
        TrainingError: another type, no model, no predictions, a split whose name is illegal or
            whose rows are not that split's, or scores that are not finite; the message names the
            trainer and the split.
    """
    if not isinstance(trained, TrainedModel):
        raise TrainingError(
            f"trainer {trainer} returned a {type(trained).__name__}; return a TrainedModel"
        )
    if trained.model is None:
        raise TrainingError(f"trainer {trainer} returned no model; set TrainedModel.model")
    if problem := _form_problem(trained):
        raise TrainingError(f"trainer {trainer}: TrainedModel.{problem}")
    scored = {f" of {name}": member.predictions for name, member in trained.members.items()}
    if trained.predictions or not scored:
        scored[""] = trained.predictions
    for of, predictions in scored.items():
        _check_predictions(predictions, data, trainer=trainer, of=of)
    return trained


def _check_predictions(
    predictions: Mapping[str, pd.DataFrame], data: TrainingData, *, trainer: str, of: str
) -> None:
    if not predictions:
        raise TrainingError(
            f"trainer {trainer} returned no predictions{of}, so nothing can be measured; "
            "fill TrainedModel.predictions with data.predictions(rows, scores)"
        )
    named = data.splits.named()
    for split, frame in predictions.items():
        try:
            check_split(split)
        except InvalidInputError as error:
            raise TrainingError(f"trainer {trainer}: {error.message}") from error
        problem = _prediction_problem(frame, len(data.label))
        if problem is None and split in NAMES:
            problem = _foreign_rows(frame, split, named)
        if problem:
            raise TrainingError(
                f"trainer {trainer}, split {split!r}{of}: {problem}; "
                "make it with data.predictions(rows, scores)"
            )


def _form_problem(trained: TrainedModel) -> str | None:
    """The first attribute that has another form than `TrainedModel` says."""
    for what in ("predictions", "members", "feature_importance", "params"):
        if not isinstance(value := getattr(trained, what), Mapping):
            return f"{what} must be a mapping, not a {type(value).__name__}"
    best: object = trained.best_iteration
    if best is not None and (isinstance(best, bool) or not isinstance(best, int | np.integer)):
        return f"best_iteration must be a whole number or None, not {best!r:.60}"
    notes: object = trained.notes
    if not isinstance(notes, tuple | list) or not all(isinstance(note, str) for note in notes):
        return f"notes must be a tuple of sentences, not {notes!r:.60}"
    return _member_problem(trained)


def _member_problem(trained: TrainedModel) -> str | None:
    """The first member of a bundle that is none."""
    if not trained.members:
        return None
    if not isinstance(trained.model, Mapping) or set(trained.model) != set(trained.members):
        return "model must be a mapping with one model for each of its members"
    for name, member in trained.members.items():
        given: object = member
        if not isinstance(given, Member) or name != f"{given.target}_{given.horizon}":
            return f"members[{name!r:.60}] must be a Member of that target and horizon"
        if not isinstance(predictions := given.predictions, dict):
            return f"members[{name!r}].predictions must be a dict, not {predictions!r:.60}"
        if not isinstance(member.threshold, float) or not 0 <= member.threshold <= 1:
            return f"members[{name!r}].threshold must be a number from 0 to 1"
    return None


def _foreign_rows(frame: pd.DataFrame, split: str, named: Mapping[str, Rows]) -> str | None:
    """Rows that are learned from must not pass for rows that are measured on."""
    if split not in named:
        return (
            f"these splits have no {split} rows; score {', '.join(named)}, "
            "or give your own rows another name"
        )
    if np.array_equal(np.sort(frame.index.to_numpy()), np.sort(named[split])):
        return None
    return (
        f"its {len(frame)} rows are not the {len(named[split])} rows of "
        f"data.splits.named()[{split!r}]; score exactly those"
    )


def _prediction_problem(frame: object, rows: int) -> str | None:
    if not isinstance(frame, pd.DataFrame) or SCORE not in frame.columns:
        return f"predictions must be a DataFrame with the column {SCORE!r}"
    if frame.columns.has_duplicates:
        return "a column is there twice"
    if frame.empty:
        return "there is no prediction"
    index = frame.index
    if (
        not pd.api.types.is_integer_dtype(index.dtype)
        or index.hasnans
        or index.min() < 0
        or index.max() >= rows
    ):
        return f"the index must hold row numbers from 0 to {rows - 1}"
    if not index.is_unique:
        return "a row is predicted twice"
    dtype = frame[SCORE].dtype
    if not pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_complex_dtype(dtype):
        return "scores must be numbers"
    if not np.isfinite(frame[SCORE].to_numpy(dtype=np.float64, na_value=np.nan)).all():
        return "a score is NaN or infinite"
    return None
