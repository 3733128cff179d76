"""The trainer gives the same bytes for the same input, and looks at nothing it must not see."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from governance.errors import ConfigError, TrainingError
from governance.training.data import TrainingData
from governance.training.prepare import trainer_config
from governance.training.splits import Rows
from governance.training.trainers.lightgbm import train
from governance.values import Kind
from tests.training.conftest import Trained

Demo = Callable[[str], Trained]
ROOT = Path(__file__).parents[3]


def _text(model: Any) -> str:
    return str(model.model_to_string())


def _with_labels_turned(data: TrainingData, rows: Rows) -> TrainingData:
    label = data.label.copy()
    label.iloc[rows] = 1.0 - label.iloc[rows]
    return replace(data, label=label)


def test_the_same_input_gives_the_same_bytes(each_booster: Trained) -> None:
    again = train(each_booster.data, trainer_config(each_booster.declaration))
    assert _text(again.model) == _text(each_booster.trained.model)
    for split, frame in again.predictions.items():
        assert frame.equals(each_booster.trained.predictions[split])


def test_another_process_gives_the_same_bytes(demo: Demo) -> None:
    code = (
        "import sys, hashlib; from tests.training.conftest import _train;"
        "text = _train('momentum').trained.model.model_to_string();"
        "sys.stdout.write(hashlib.sha256(text.encode()).hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    made = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    here = _text(demo("momentum").trained.model)
    assert made.stdout == hashlib.sha256(here.encode()).hexdigest()


def test_another_seed_gives_another_model(demo: Demo) -> None:
    declaration, _, data, trained = demo("arrival_delay")
    other = train(data, replace(trainer_config(declaration), seed=8))
    assert _text(other.model) != _text(trained.model)


def test_the_stored_text_predicts_what_was_measured(each_booster: Trained) -> None:
    """Rows of features, in the graph's order, are all that serving needs."""
    read = lgb.Booster(model_str=_text(each_booster.trained.model))
    assert tuple(read.feature_name()) == each_booster.data.feature_names
    frame = each_booster.trained.predictions["validation"]
    plain = each_booster.data.matrix(frame.index.to_numpy()).to_numpy()
    np.testing.assert_array_equal(read.predict(plain), frame["score"].to_numpy())


def test_the_test_split_is_not_looked_at(demo: Demo) -> None:
    declaration, _, data, trained = demo("arrival_delay")
    config = trainer_config(declaration)
    turned = train(_with_labels_turned(data, data.splits.final.test), config)
    assert _text(turned.model) == _text(trained.model)


def test_early_stopping_looks_at_the_validation_split(demo: Demo) -> None:
    declaration, _, data, trained = demo("arrival_delay")
    config = trainer_config(declaration)
    assert trained.best_iteration is not None
    assert 1 < trained.best_iteration < config.params["rounds"]
    assert trained.model.num_trees() == trained.best_iteration
    turned = train(_with_labels_turned(data, data.splits.final.validation), config)
    assert turned.best_iteration != trained.best_iteration


def test_no_fold_sees_its_own_or_a_later_year(demo: Demo) -> None:
    """Turn every label from the second fold's test on: the first two folds score as before."""
    declaration, _, data, trained = demo("momentum")
    second = data.splits.folds[1]
    turned = _with_labels_turned(data, np.arange(second.test[0], len(data.label)))
    again = train(turned, trainer_config(declaration)).predictions["out_of_sample"]
    before = trained.predictions["out_of_sample"]
    unseen = slice(None, int(second.test[-1]))
    assert again.loc[unseen].equals(before.loc[unseen])
    assert not again.loc[int(second.test[-1]) + 1 :].equals(before.loc[int(second.test[-1]) + 1 :])


def test_importance_is_a_share(each_booster: Trained) -> None:
    importance = each_booster.trained.feature_importance
    assert set(importance) == set(each_booster.data.feature_names)
    assert sum(importance.values()) == pytest.approx(1.0)


def test_the_demo_figures_are_believable(demo: Demo) -> None:
    """A daily-bar model far from one half would betray a leak rather than skill."""
    from governance.training.evaluate import evaluate

    momentum = demo("momentum")
    found = evaluate(momentum.trained, momentum.data, momentum.declaration)["out_of_sample"]
    assert found["auc"] == pytest.approx(0.5, abs=0.05)
    flights = demo("arrival_delay")
    found = evaluate(flights.trained, flights.data, flights.declaration)["test"]
    assert found["auc"] == pytest.approx(0.63, abs=0.05)


def test_a_regressor_is_fitted_too(demo: Demo) -> None:
    _, _, data, _ = demo("arrival_delay")
    delay = replace(data, label=data.features["distance"])
    config = replace(trainer_config(demo("arrival_delay").declaration), kind=Kind.REGRESSOR)
    made = train(delay, replace(config, params={"rounds": 20, "early_stopping": 0}))
    scores = made.predictions["test"]
    assert np.corrcoef(scores["score"], delay.target(scores.index.to_numpy()))[0, 1] > 0.9
    assert list(scores.columns) == ["score"]
    assert made.best_iteration is None


@pytest.mark.parametrize(
    ("params", "error", "told"),
    [
        ({"seed": 1}, ConfigError, "seed are set by the trainer"),
        ({"num_threads": 4, "objective": "rf"}, ConfigError, "num_threads, objective are set"),
        ({"categorical": ["tail"]}, ConfigError, "categorical names tail"),
        ({"positions": {"long_above": 2}}, ConfigError, "between 0 and 1"),
        ({"num_leaves": -1}, TrainingError, "LightGBM refused fold_1|LightGBM refused final"),
    ],
)
def test_wrong_parameters_are_told(
    demo: Demo, params: dict[str, Any], error: type[Exception], told: str
) -> None:
    declaration, _, data, _ = demo("momentum")
    config = replace(trainer_config(declaration), params={"rounds": 2, **params})
    with pytest.raises(error, match=told):
        train(data, config)
