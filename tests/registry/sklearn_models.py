"""Small real scikit-learn models of every trusted type, for the tests of formats."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from governance.registry.formats import loader

ROWS, FEATURES = 300, 4
KINDS: dict[str, Callable[[], Any]] = {
    "forest": lambda: RandomForestClassifier(3, max_depth=3, random_state=5),
    "forest_regressor": lambda: RandomForestRegressor(3, max_leaf_nodes=6, random_state=5),
    "linear": LinearRegression,
    "logistic": lambda: make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()),
    "ridge": Ridge,
    "tree": lambda: DecisionTreeClassifier(max_depth=4, random_state=5),
    "tree_regressor": lambda: DecisionTreeRegressor(max_depth=4, random_state=5),
}


@cache
def features() -> npt.NDArray[np.float64]:
    """(300, 4): normal values."""
    return np.random.default_rng(11).normal(size=(ROWS, FEATURES))


@cache
def model(kind: str) -> Any:
    """A fitted model; classes are 0 and 1."""
    noise = np.random.default_rng(12).normal(size=ROWS)
    target = features()[:, 0] + noise > 0
    return KINDS[kind]().fit(features(), target.astype(int))


@cache
def archive(kind: str) -> bytes:
    """The model as it is registered."""
    members, _ = loader.dump_model(model(kind), allow_pickle=False)
    return members["model.skops"]
