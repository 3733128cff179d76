"""A model that is declared by one CSV file: what a person would write, in miniature."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from governance.training.data import TrainedModel, TrainerConfig, TrainingData
from governance.training.trainers import lightgbm

DECLARATION = """\
models:
  small:
    kind: classifier
    owner: tests
    source: {{function: "governance.training.sources:csv", params: {{path: "{path}"}}}}
    label: {{function: "tests.training.small_model:goes_up"}}
    features:
      inputs: [level]
      definitions:
        - {{name: level, version: "1", dependencies: [level]}}
    trainer:
      function: "{trainer}"
      seed: 3
      params: {{rounds: 5, early_stopping: 0, num_leaves: 4, min_data_in_leaf: 10}}
    splits: {{method: time, validation_share: 0.2, test_share: 0.2, gap: 1d}}
    data_quality: {{min_rows: 100, max_missing_share: 0.1, ranges: {{level: {{max: 10}}}}}}
    metrics: [auc, log_loss]
    policy:
      validation:
        - {{metric: auc, split: test, min: {minimum}}}
"""
TRAINER = "governance.training.trainers.lightgbm:train"


def declare(home: Path, data: Path, *, trainer: str = TRAINER, minimum: float = 0.6) -> None:
    """Write `governance.yaml` of a home."""
    (home / "config").mkdir(parents=True, exist_ok=True)
    text = DECLARATION.format(path=data, trainer=trainer, minimum=minimum)
    (home / "config" / "governance.yaml").write_text(text)


def rows(count: int = 300) -> pd.DataFrame:
    """A noisy wave, one row a day from 2020 on."""
    time = pd.date_range("2020-01-01", periods=count, freq="D", tz="UTC")
    noise = np.random.default_rng(5).normal(scale=0.05, size=count)
    return pd.DataFrame({"time": time, "level": np.sin(np.arange(count) / 6.0) + noise})


def write(frame: pd.DataFrame, path: Path) -> None:
    """As the CSV file that the declaration names."""
    frame.assign(time=frame["time"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")).to_csv(path, index=False)


def goes_up(frame: pd.DataFrame) -> pd.Series[Any]:
    """1 where the next level is higher; unknown for the last row."""
    following = frame["level"].shift(-1)
    return (following > frame["level"]).astype(float).where(following.notna())


def dies(data: TrainingData, config: TrainerConfig) -> TrainedModel:
    """A trainer with a mistake in it."""
    raise ZeroDivisionError("mean of nothing")


def gives_a_dict(data: TrainingData, config: TrainerConfig) -> Any:
    """A trainer that returns something else."""
    return {"model": None}


def scores_training_rows(data: TrainingData, config: TrainerConfig) -> TrainedModel:
    """A trainer that shows what it learned as what it was tested on."""
    trained = lightgbm.train(data, config)
    return TrainedModel(model=trained.model, predictions={"test": trained.predictions["train"]})


def scores_an_odd_split(data: TrainingData, config: TrainerConfig) -> TrainedModel:
    """A trainer with a split whose metrics could not be logged."""
    trained = lightgbm.train(data, config)
    return TrainedModel(model=trained.model, predictions={"a b": trained.predictions["test"]})


def spoils_its_data(data: TrainingData, config: TrainerConfig) -> TrainedModel:
    """A trainer that writes into what it was given, once it has its model."""
    trained = lightgbm.train(data, config)
    data.label.iloc[:] = 1.0
    data.times.iloc[:] = data.times.iloc[0]
    data.splits.final.test[:] = data.splits.final.train[: len(data.splits.final.test)]
    return trained


class _Callable:
    def __call__(self, data: TrainingData, config: TrainerConfig) -> TrainedModel:
        return lightgbm.train(data, config)


CALLABLE = _Callable()


def gives_a_pickle(data: TrainingData, config: TrainerConfig) -> TrainedModel:
    """A trainer whose model has no safe format."""
    trained = lightgbm.train(data, config)
    return TrainedModel(model={"weights": [1.0]}, predictions=trained.predictions)
