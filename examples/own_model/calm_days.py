"""A third model, in a package of its own: how much will the index move in the coming week?

Everything that a model needs besides its declaration (`governance.yaml` beside this file) is two
functions. Put this folder on PYTHONPATH, copy the declaration into yours, and Airflow has the DAG
`retrain__calm_days`. The rows come from a built-in source; for your own files use
`governance.training.sources:parquet`, or write a function `(at, params) -> DataFrame`.
"""

from __future__ import annotations

import lightgbm as lgb
import pandas as pd

from governance.training.data import Labels, TrainedModel, TrainerConfig, TrainingData


def coming_range(frame: pd.DataFrame, *, horizon: int) -> Labels:
    """Highest high over lowest low of the next ``horizon`` bars, minus one; missing until known."""
    high = frame["high"].shift(-horizon).rolling(horizon).max()
    low = frame["low"].shift(-horizon).rolling(horizon).min()
    return Labels(values=high / low - 1.0, known_at=frame["time"].shift(-horizon))


def train(data: TrainingData, config: TrainerConfig) -> TrainedModel:
    """Any library may be used; what counts is the model and what it predicts for each split."""
    model = lgb.LGBMRegressor(
        random_state=config.seed, n_jobs=config.threads, deterministic=True, verbosity=-1,
        **config.params,
    )  # fmt: skip
    model.fit(data.matrix(data.splits.final.train), data.target(data.splits.final.train))
    return TrainedModel(
        model=model,
        predictions={
            split: data.predictions(rows, model.predict(data.matrix(rows)))
            for split, rows in data.splits.named().items()
        },
    )
