"""A bundle of random forests by scikit-learn: one for each declared target and horizon.

Each member learns its own label (``Labels.extra``), on the same rows and features. Its threshold is
chosen on the validation rows: where the share of events caught exceeds the share of false alarms
most (Youden's J), among thresholds that act on enough rows. Walk-forward folds choose theirs
on their own validation rows, so that no figure knows its own threshold. Forests are small: a
version's files are read by people's machines, and fewer than a thousand touches teach little.

Source: Breiman, Random Forests (2001); Youden, Index for rating diagnostic tests (1950). Not
promised: equal bytes on another release of scikit-learn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from governance.errors import ConfigError, TrainingError
from governance.training.data import (
    PREDICTED,
    Member,
    TrainedModel,
    TrainerConfig,
    TrainingData,
)
from governance.training.splits import Fold, Rows
from governance.values import Kind

_DEFAULTS: Mapping[str, Any] = {"trees": 40, "depth": 3, "min_leaf": 25, "min_acted": 0.1}


def train(data: TrainingData, config: TrainerConfig) -> TrainedModel:
    """One forest for each of ``config.members``, with the scores of every split.

    Args:
        data: ``extra`` has a column of 0 and 1 for each member.
        config: ``params``: ``trees`` (40), ``depth`` (3), ``min_leaf`` (25 rows), ``min_acted``
            (0.1: the least share of validation rows that a threshold must act on).

    Raises:
        ConfigError: no member, another kind, or an unknown parameter.
        TrainingError: a member without labels, or of one class only in a fit.
    """
    if config.kind is not Kind.CLASSIFIER or not config.members:
        raise ConfigError("this trainer makes bundles of classifiers; declare the section bundle")
    if unknown := sorted(set(config.params) - set(_DEFAULTS)):
        raise ConfigError(
            f"trainer params {', '.join(unknown)} are unknown; use {', '.join(_DEFAULTS)}"
        )
    params = {**_DEFAULTS, **config.params}
    models: dict[str, RandomForestClassifier] = {}
    members: dict[str, Member] = {}
    importance = np.zeros(len(data.feature_names))
    for name, (target, horizon) in config.members.items():
        if name not in data.extra.columns:
            raise TrainingError(f"there is no label {name}; Labels.extra has no such column")
        models[name], threshold = _fit(data, data.splits.final, name, params, config)
        predictions = {
            split: _scored(data, models[name], threshold, rows)
            for split, rows in data.splits.named().items()
            if split != "out_of_sample"
        }
        if data.splits.folds:
            predictions["out_of_sample"] = pd.concat(
                _scored(data, *_fit(data, fold, name, params, config), fold.test)
                for fold in data.splits.folds
            )
        members[name] = Member(
            target=target, horizon=horizon, threshold=threshold, predictions=predictions
        )
        importance += models[name].feature_importances_ / len(config.members)
    return TrainedModel(
        model=models,
        members=members,
        feature_importance=dict(zip(data.feature_names, importance.tolist(), strict=True)),
        params=params,
        notes=("out_of_sample scores and thresholds come from the folds' own fits",)
        if data.splits.folds
        else (),
    )


def _fit(
    data: TrainingData, fold: Fold, name: str, params: Mapping[str, Any], config: TrainerConfig
) -> tuple[RandomForestClassifier, float]:
    """A forest on the fold's training rows, and its threshold from the validation rows."""
    label = data.extra[name].to_numpy(dtype=np.float64)
    if len(np.unique(label[fold.train])) < 2:
        raise TrainingError(
            f"the {len(fold.train)} training rows of {fold.name} have one class of {name} only; "
            "give more data or another label"
        )
    forest = RandomForestClassifier(
        n_estimators=int(params["trees"]),
        max_depth=int(params["depth"]),
        min_samples_leaf=int(params["min_leaf"]),
        random_state=config.seed,
        n_jobs=1,
    )
    forest.fit(_numbers(data, fold.train), label[fold.train].astype(np.int64))
    scores = _scores(data, forest, fold.validation)
    return forest, best_threshold(label[fold.validation], scores, least=float(params["min_acted"]))


def best_threshold(
    label: NDArray[np.float64], scores: NDArray[np.float64], *, least: float
) -> float:
    """The threshold with the largest Youden's J that acts on a share of ``least`` rows or more.

    0.5 where the rows say nothing: one class only, or no threshold that acts on enough. Of equally
    good ones the highest.

    >>> best_threshold(np.array([0.0, 0.0, 1.0]), np.array([0.1, 0.4, 0.6]), least=0.1)
    0.5
    """
    steps = np.unique(scores)
    candidates = (steps[1:] + steps[:-1]) / 2
    positive = label == 1
    if not positive.any() or positive.all():
        return 0.5
    acted = scores[None, :] > candidates[:, None]
    gained = acted[:, positive].mean(axis=1) - acted[:, ~positive].mean(axis=1)
    gained[acted.mean(axis=1) < least] = -np.inf
    if not len(gained) or not np.isfinite(gained).any():
        return 0.5
    best = np.flatnonzero(gained == gained.max())[-1]
    return float(round(candidates[best], 6))


def _numbers(data: TrainingData, rows: Rows) -> NDArray[np.float64]:
    return data.matrix(rows).to_numpy(dtype=np.float64)


def _scores(data: TrainingData, forest: RandomForestClassifier, rows: Rows) -> NDArray[np.float64]:
    return np.asarray(forest.predict_proba(_numbers(data, rows))[:, 1], dtype=np.float64)


def _scored(
    data: TrainingData, forest: RandomForestClassifier, threshold: float, rows: Rows
) -> pd.DataFrame:
    frame = data.predictions(rows, _scores(data, forest, rows))
    frame[PREDICTED] = (frame["score"] > threshold).astype(np.int64)
    return frame
