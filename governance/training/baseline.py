"""What a trained version will be watched against: its own training rows, and its predictions on
rows it had not learned from.

No row after the end of training makes the features' edges or days, and none after the cut-off the
predictions'. Neighbours: ``cycle`` (stores it and pins it in the manifest),
``drift.profiles.baseline`` (the value). Not promised: that live data are like these rows; that is
what is watched.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from governance.config.model import ModelDeclaration
from governance.errors import ConfigError, InvalidEvidenceError
from governance.evidence.drift.profiles.baseline import Baseline
from governance.evidence.drift.profiles.block import ProfileBlock
from governance.evidence.drift.profiles.importance import column_importance
from governance.evidence.drift.profiles.layout import Layout
from governance.evidence.drift.scanning.watching import Watch
from governance.registry.features import FeatureGraph
from governance.training.data import SCORE, TrainedModel, TrainingData

log = logging.getLogger(__name__)

_UNSEEN_SPLITS = ("out_of_sample", "test")


def check_watched(model: str, declaration: ModelDeclaration, frame: pd.DataFrame) -> None:
    """Say before training, not after, that a watched column is not in the training data.

    Raises:
        ConfigError: a column of ``drift.features`` is not there.
    """
    if declaration.drift is None:
        return
    watch = Watch.of(model, declaration)
    wanted = [name for name in watch.features if name != watch.prediction]
    if absent := [name for name in wanted if name not in frame.columns]:
        raise ConfigError(
            f"{model}: drift.features names {', '.join(absent[:10])}, which the training data do "
            "not have; watch columns that the model was trained on"
        )


def training_baseline(
    model: str,
    declaration: ModelDeclaration,
    frame: pd.DataFrame,
    data: TrainingData,
    trained: TrainedModel,
    graph: FeatureGraph,
) -> Baseline | None:
    """The baseline of a version; ``None`` where the model declares no drift detection.

    Args:
        frame: the source's rows, as known at the cut-off.
        data, trained: what was trained on, and what came of it.

    Raises:
        InvalidEvidenceError: a watched column has a type that cannot be watched.
    """
    if declaration.drift is None:
        return None
    watch = Watch.of(model, declaration)
    end = data.known_at.iloc[data.splits.final.train].max()
    times = frame[declaration.time_column]
    made = Baseline.of(
        frame.loc[times <= end],
        features=[name for name in watch.features if name != watch.prediction],
        categorical=watch.categorical,
        time_column=declaration.time_column,
        day_of=watch.calendar.day_of,
        importance=_importance(graph, trained),
    )
    predicted = _predictions(watch, data, trained)
    return made if predicted is None else beside(made, predicted)


def _importance(graph: FeatureGraph, trained: TrainedModel) -> Mapping[str, float | None]:
    try:
        return dict(column_importance(graph, trained.feature_importance))
    except InvalidEvidenceError as error:
        log.warning("importance is not taken over: %s", error.message)
        return {}


def _predictions(watch: Watch, data: TrainingData, trained: TrainedModel) -> Baseline | None:
    """Of rows that the scoring fit had not seen; ``None`` where no prediction is watched."""
    if watch.prediction is None:
        return None
    split = next((name for name in _UNSEEN_SPLITS if name in trained.predictions), None)
    if split is None:
        raise ConfigError(
            f"{watch.model}: drift.prediction needs predictions on rows that were not learned "
            "from; let the trainer score the split test or out_of_sample"
        )
    scores = trained.predictions[split].sort_index()
    frame = pd.DataFrame(
        {
            "time": data.times.iloc[scores.index].to_numpy(),
            watch.prediction: scores[SCORE].to_numpy(),
        }
    )
    frame["time"] = pd.to_datetime(frame["time"], utc=True)
    return Baseline.of(
        frame,
        features=[watch.prediction],
        categorical=watch.categorical,
        time_column="time",
        day_of=watch.calendar.day_of,
    )


def beside(left: Baseline, right: Baseline) -> Baseline:
    """The features of both, on the days of either; a day that one side lacks has no values there.

    `rows`, `first` and `last` are the left one's.
    """
    layout = Layout((*left.layout.edges, *right.layout.edges))
    lefts, rights = dict(left.days), dict(right.days)
    days: list[tuple[date, ProfileBlock]] = []
    for day in sorted({*lefts, *rights}):
        one = lefts.get(day) or ProfileBlock.empty(left.layout)
        other = rights.get(day) or ProfileBlock.empty(right.layout)
        days.append((day, _joined(layout, one, other)))
    return Baseline(
        layout=layout,
        importance={**left.importance, **right.importance},
        rows=left.rows,
        first=left.first,
        last=left.last,
        days=tuple(days),
    )


def _joined(layout: Layout, one: ProfileBlock, other: ProfileBlock) -> ProfileBlock:
    counts = np.zeros((len(layout.edges), layout.width), np.int64)
    counts[: len(one.counts), : one.layout.width] = one.counts
    counts[len(one.counts) :, : other.layout.width] = other.counts
    return ProfileBlock(
        layout=layout,
        rows=max(one.rows, other.rows),
        counts=counts,
        missing=np.concatenate([one.missing, other.missing]),
        infinite=np.concatenate([one.infinite, other.infinite]),
        total=np.concatenate([one.total, other.total]),
        squares=np.concatenate([one.squares, other.squares]),
        minimum=np.concatenate([one.minimum, other.minimum]),
        maximum=np.concatenate([one.maximum, other.maximum]),
        problem=np.concatenate([one.problem, other.problem]),
    )
