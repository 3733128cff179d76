"""Gradient-boosted trees by LightGBM, the same bytes on every run.

One boosting procedure for all kinds: each walk-forward fold is fitted and scored, then the final
fit is made. Early stopping looks at the validation split only. The model is the native booster,
whose text needs no code of ours to predict. Source: Ke et al., LightGBM (NeurIPS 2017).

Not promised: equal bytes on another LightGBM release, compiler or number of threads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from governance.errors import ConfigError, TrainingError
from governance.training.data import POSITION, PREDICTED, TrainedModel, TrainerConfig, TrainingData
from governance.training.positions import positions_from_scores
from governance.training.splits import Fold, Rows
from governance.values import Kind

# ``force_row_wise`` and ``deterministic`` fix the order in which histograms are added up.
_FIXED: Mapping[str, Any] = {"deterministic": True, "force_row_wise": True, "verbosity": -1}
_DEFAULTS: Mapping[str, Any] = {"learning_rate": 0.05, "num_leaves": 31, "min_data_in_leaf": 50}
_OWN = {"rounds": 500, "early_stopping": 50, "categorical": (), "positions": {}, "threshold": 0.5}


def train(data: TrainingData, config: TrainerConfig) -> TrainedModel:
    """A booster fitted on ``data.splits.final``, with the scores of every split.

    Args:
        data: what `governance.training.prepare` made.
        config: ``params`` are LightGBM's, and: ``rounds`` (at most, 500), ``early_stopping``
            (rounds without a better validation loss, 50; 0 for none), ``categorical`` (names of
            features that are codes), ``threshold`` (a score above it predicts class 1, 0.5),
            ``positions`` (trading: ``long_above``, ``short_below``).

    Raises:
        ConfigError: a parameter that is fixed here, or a categorical that is no feature.
        TrainingError: LightGBM refused the data or the parameters.
    """
    params, own = _parameters(data, config)
    booster = _fit(data, data.splits.final, params, own)
    final = {"train", "validation", "test"} & data.splits.named().keys()
    predictions = {
        split: _scored(data, booster, rows, config.kind, own)
        for split, rows in data.splits.named().items()
        if split in final
    }
    if data.splits.folds:
        predictions["out_of_sample"] = pd.concat(
            _scored(data, _fit(data, fold, params, own), fold.test, config.kind, own)
            for fold in data.splits.folds
        )
    gain = booster.feature_importance("gain")
    return TrainedModel(
        model=booster,
        predictions=predictions,
        feature_importance={
            name: float(share)
            for name, share in zip(data.feature_names, gain / max(gain.sum(), 1e-300), strict=True)
        },
        params={**params, **own},
        best_iteration=int(booster.best_iteration) if own["early_stopping"] else None,
        notes=("out_of_sample scores come from the folds' own fits",) if data.splits.folds else (),
    )


def _parameters(data: TrainingData, config: TrainerConfig) -> tuple[dict[str, Any], dict[str, Any]]:
    given = dict(config.params)
    own = {name: given.pop(name, default) for name, default in _OWN.items()}
    if taken := sorted({*_FIXED, "seed", "num_threads", "objective"} & given.keys()):
        raise ConfigError(
            f"trainer params {', '.join(taken)} are set by the trainer; leave them out "
            "(the seed has its own key)"
        )
    if unknown := sorted(set(own["categorical"]) - set(data.feature_names)):
        raise ConfigError(
            f"trainer param categorical names {', '.join(unknown)}, which are no features; "
            f"there are {', '.join(data.feature_names)}"
        )
    objective = "regression" if config.kind is Kind.REGRESSOR else "binary"
    params = {
        **_DEFAULTS,
        **given,
        **_FIXED,
        "objective": objective,
        "seed": config.seed,
        "num_threads": config.threads,
    }
    return params, own


def _fit(
    data: TrainingData, fold: Fold, params: dict[str, Any], own: dict[str, Any]
) -> lgb.Booster:
    categorical = list(own["categorical"])
    patience = int(own["early_stopping"])
    train_set = lgb.Dataset(
        data.matrix(fold.train), data.target(fold.train), categorical_feature=categorical
    )
    validation = lgb.Dataset(
        data.matrix(fold.validation), data.target(fold.validation), reference=train_set
    )
    try:
        # What comes back holds only the trees up to the best round: its text predicts as measured.
        return lgb.train(
            params,
            train_set,
            num_boost_round=int(own["rounds"]),
            valid_sets=[validation] if patience else [],
            callbacks=[lgb.early_stopping(patience, verbose=False)] if patience else [],
        )
    except lgb.basic.LightGBMError as error:
        raise TrainingError(
            f"LightGBM refused {fold.name}: {error}; correct trainer.params or the data"
        ) from error


def _scored(
    data: TrainingData, booster: lgb.Booster, rows: Rows, kind: Kind, own: dict[str, Any]
) -> pd.DataFrame:
    scores = np.asarray(booster.predict(data.matrix(rows)), dtype=np.float64)
    frame = data.predictions(rows, scores)
    if kind is not Kind.REGRESSOR:
        frame[PREDICTED] = (scores > float(own["threshold"])).astype(np.int64)
    if kind is Kind.TRADING:
        frame[POSITION] = positions_from_scores(scores, **own["positions"])
    return frame
