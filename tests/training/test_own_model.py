"""The how-to `examples/own_model` does what it says, without touching the package."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from governance.config import load_config
from governance.registry.formats.loader import dump_model
from governance.training.data import check_trained
from governance.training.evaluate import evaluate
from governance.training.functions import load_function
from governance.training.prepare import prepare, trainer_config
from governance.training.sources import read_source

FOLDER = Path(__file__).parents[2] / "examples" / "own_model"
AT = datetime(2019, 1, 1, tzinfo=UTC)


def test_a_third_model_is_trained_and_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(FOLDER)
    declaration = load_config(FOLDER / "governance.yaml").model("calm_days")
    frame = read_source(declaration.source.function, declaration.source.params, at=AT)
    data = prepare(declaration, frame, at=AT)
    trainer = declaration.trainer.function
    trained = check_trained(
        load_function(trainer)(data, trainer_config(declaration)), data, trainer=trainer
    )
    metrics = evaluate(trained, data, declaration)
    assert set(metrics) == {"train", "validation", "test"}
    limit = declaration.policy.validation[0]
    assert limit.min is not None
    assert (metrics[limit.split][limit.metric] or 0.0) > limit.min
    members, kind = dump_model(trained.model, allow_pickle=False)
    assert members and kind
