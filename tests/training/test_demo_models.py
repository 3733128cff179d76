"""The declared demo models keep the limits on their data and on themselves, on the demo's days."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from governance.config import ModelDeclaration, load_config
from governance.errors import DataQualityError
from governance.training.evaluate import evaluate
from governance.training.quality import require_quality
from governance.training.sources import read_source

from .conftest import CONFIG, Trained


def _rows(declaration: ModelDeclaration, at: datetime) -> None:
    source = declaration.source
    require_quality(declaration, read_source(source.function, source.params, at=at), at=at)


def test_their_data_are_fit_to_be_trained_on(each_demo: Trained) -> None:
    report = require_quality(each_demo.declaration, each_demo.frame, at=each_demo.data.at)
    assert not report.findings


def test_they_keep_their_own_limits(each_demo: Trained) -> None:
    found = evaluate(each_demo.trained, each_demo.data, each_demo.declaration)
    limits = each_demo.declaration.policy.validation
    assert limits
    for limit in limits:
        value = found[limit.split][limit.metric]
        assert value is not None
        assert limit.min is None or value >= limit.min
        assert limit.max is None or value <= limit.max


@pytest.mark.parametrize(
    ("name", "at", "told"),
    [
        ("momentum", datetime(2005, 1, 1, tzinfo=UTC), "rows are fewer than 2600"),
        ("arrival_delay", datetime(2014, 2, 1, tzinfo=UTC), "older than 3d"),
        ("arrival_delay", datetime(2013, 1, 3, tzinfo=UTC), "rows are fewer than 5000"),
    ],
)
def test_a_day_without_enough_data_is_refused(name: str, at: datetime, told: str) -> None:
    with pytest.raises(DataQualityError, match=told):
        _rows(load_config(CONFIG).model(name), at)


def test_every_feature_is_used_or_could_be(each_demo: Trained) -> None:
    """A constant or empty feature would be a mistake of the declaration."""
    features = each_demo.data.features
    assert (features.nunique() > 1).all()
    assert (features.isna().mean() < 0.1).all()
