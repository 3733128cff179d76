"""Small real LightGBM models of every kind whose text looks different, for the tests of formats."""

from __future__ import annotations

from functools import cache
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt

ROWS, FEATURES = 600, 5
KINDS: dict[str, dict[str, Any]] = {
    "binary": {"objective": "binary"},
    "regression": {"objective": "regression"},
    "multiclass": {"objective": "multiclass", "num_class": 3},
    "linear": {"objective": "regression", "linear_tree": True},
    "categorical": {"objective": "regression", "min_data_per_group": 1},
    "dart": {"objective": "regression", "boosting": "dart"},
    "forest": {
        "objective": "regression",
        "boosting": "rf",
        "bagging_freq": 1,
        "bagging_fraction": 0.5,
    },
    "stump": {"objective": "regression", "min_data_in_leaf": 10 * ROWS},
}


@cache
def features() -> npt.NDArray[np.float64]:
    """(600, 5): normal values, one column of small integers, one tenth missing."""
    random = np.random.default_rng(11)
    rows = random.normal(size=(ROWS, FEATURES))
    rows[:, 2] = random.integers(0, 12, ROWS)
    rows[random.random(rows.shape) < 0.1] = np.nan
    return rows


@cache
def booster(kind: str = "binary", rounds: int = 8) -> lightgbm.Booster:
    rows = np.nan_to_num(features())
    target = rows[:, 0] + (rows[:, 2] % 3) - rows[:, 1] ** 2
    if kind == "binary":
        target = (target > 0).astype(float)
    elif kind == "multiclass":
        target = np.digitize(target, [-0.5, 1.0]).astype(float)
    params = {
        "num_leaves": 8,
        "verbose": -1,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": 3,
    } | KINDS[kind]
    data = lightgbm.Dataset(
        features(), target, categorical_feature=[2] if kind == "categorical" else "auto"
    )
    return lightgbm.train(params, data, rounds)


def text(kind: str = "binary", rounds: int = 8) -> str:
    return str(booster(kind, rounds).model_to_string())
