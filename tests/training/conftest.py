"""The demo models, prepared and trained once for all tests of a worker."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from governance.config import ModelDeclaration, load_config
from governance.registry.functions import load_function
from governance.training.data import TrainedModel, TrainingData, check_trained
from governance.training.prepare import prepare, trainer_config
from governance.training.sources import read_source

CONFIG = Path(__file__).parents[2] / "config" / "governance.yaml"
AT = {
    "pivot": datetime(2017, 12, 29, 22, tzinfo=UTC),
    "momentum": datetime(2019, 1, 1, tzinfo=UTC),
    "arrival_delay": datetime(2013, 2, 1, 5, tzinfo=UTC),
}


class Trained(NamedTuple):
    """A demo model with all that went into it."""

    declaration: ModelDeclaration
    frame: pd.DataFrame
    data: TrainingData
    trained: TrainedModel


@cache
def _train(name: str) -> Trained:
    declaration = load_config(CONFIG).model(name)
    source = declaration.source
    frame = read_source(source.function, source.params, at=AT[name])
    data = prepare(declaration, frame, at=AT[name])
    trainer = load_function(declaration.trainer.function)
    made = trainer(data, trainer_config(declaration))
    return Trained(declaration, frame, data, check_trained(made, data, trainer=name))


@pytest.fixture
def demo() -> Callable[[str], Trained]:
    return _train


@pytest.fixture(params=["arrival_delay", "momentum"])
def each_booster(request: pytest.FixtureRequest) -> Trained:
    """The demo models that are one LightGBM booster."""
    return _train(request.param)


@pytest.fixture(params=sorted(AT))
def each_demo(request: pytest.FixtureRequest) -> Trained:
    return _train(request.param)
