"""Parts of the demo's last scene; the whole of it runs with `make demo`."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from governance import Governance
from governance.errors import FeatureGraphMismatchError
from governance.settings import Settings
from local.here import CONFIG
from local.promotion_demo import LAST_LOOK
from local.serving_demo import BACK, RENAMED, SPRING, declared_graph, one_flight, renamed
from local.without_weather import MODEL, WEATHER


@pytest.fixture
def gov(tmp_path: Path, sqlite_url: str) -> Governance:
    settings = Settings.load(
        home=tmp_path / "home", database_url=sqlite_url, config=CONFIG / "governance.yaml"
    )
    return Governance.open(settings=settings)


def test_what_is_decided_here_follows_on_the_scene_before() -> None:
    assert LAST_LOOK + timedelta(days=1) < BACK < SPRING


def test_the_flight_has_every_input_and_is_json(gov: Governance) -> None:
    with gov:
        flight = one_flight(gov)
        assert list(flight) == list(gov.config.models[MODEL].features.inputs)
    assert {type(value) for value in flight.values()} == {str, float}
    json.dumps(flight, allow_nan=False)


def test_the_renamed_feature_is_the_only_difference(gov: Governance) -> None:
    old, new = RENAMED
    with gov:
        graph = declared_graph(gov)
        changed = type(graph).from_spec(renamed(graph))
    assert old in WEATHER
    with pytest.raises(FeatureGraphMismatchError) as refused:
        graph.require_same(changed)
    told = refused.value.message
    assert f"feature {old} is missing" in told and f"feature {new} is new" in told
    assert not any(name in told for name in set(WEATHER) - {old})
