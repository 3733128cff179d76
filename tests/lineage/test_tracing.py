"""What is on record of real versions, as a graph: data, training, evidence, decisions, drift."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from governance import Governance
from governance.errors import InvalidInputError, NotFoundError
from governance.lineage.graph import Lineage, Thing
from governance.lineage.tracing import lineage_of
from governance.values import ModelVersion
from tests.api.test_models import statements
from tests.api.world import build
from tests.decisions.eligible import policy, promoted
from tests.versions import NAME, registered


def traced(gov: Governance, asked: str | ModelVersion, **given: int) -> Lineage:
    with gov.database.read() as connection:
        return lineage_of(connection, asked, **given)


def trained(gov: Governance, seed: int, rows: str, **given: Any) -> ModelVersion:
    """A version whose training data and configuration are known."""
    file = Path(gov.settings.home).parent / "train.csv"
    file.write_text(f"a,b\n{rows}\n")
    return registered(gov, seed, dataset_paths=[file], **{"config": {"leaves": 3}, **given})


def edges(found: Lineage) -> set[tuple[str, str, str]]:
    return {(one.source, one.relation, one.target) for one in found.edges}


def test_from_the_data_to_the_incident(gov: Governance) -> None:
    world = build(gov)
    gov.validation.log_metric(world.champion, "sharpe_ratio", 1.5, by="ann")
    found = traced(gov, NAME)
    live, challenger = f"version:{world.champion.id}", f"version:{world.challenger.id}"
    decision = f"decision:{world.ids['decision_id']}"
    (trial,) = (one.id for one in found.nodes if one.thing is Thing.TRIAL)
    assert {
        (live, "measured by", f"metrics:{world.champion.id}:test"),
        (live, "judged in", decision),
        (decision, "led to", f"activation:{NAME}:1"),
        (f"activation:{NAME}:1", "activated", live),
        (live, "compared in", trial),
        (challenger, "tried in", trial),
        (live, "watched in", f"drift:{world.ids['report_id']}"),
        (live, "alarmed in", f"incident:{world.ids['incident_id']}"),
    } == edges(found)
    states = {one.id: one.state for one in found.nodes}
    assert (states[live], states[challenger]) == ("production", "staging")
    assert states[f"drift:{world.ids['report_id']}"] == "severe"
    assert found.note == ""


def test_data_and_training_and_what_was_retrained_from_what(sqlite_gov: Governance) -> None:
    gov = sqlite_gov
    first, same, other, second = (
        trained(gov, 1, "1,2"),
        trained(gov, 2, "1,2"),
        trained(gov, 3, "9,9", config={"leaves": 4}),
        trained(gov, 4, "3,4"),
    )
    found = traced(gov, NAME)
    retrained = {one for one in edges(found) if one[1] == "retrained as"}
    # From the newest of the same recipe with other data; never because one came after the other.
    assert retrained == {(f"version:{same.id}", "retrained as", f"version:{second.id}")}
    data = [one for one in found.nodes if one.thing is Thing.DATA]
    assert [one.facts["rows"] for one in data] == [1, 1, 1]  # the first snapshot stands once
    for version in (first, same):
        into = {
            one
            for one in edges(found)
            if one[2] in (f"training:{version.id}", f"version:{version.id}")
        }
        assert (f"training:{version.id}", "made", f"version:{version.id}") in into
        assert (data[0].id, "trained", f"training:{version.id}") in into
    alone = traced(gov, second)
    assert retrained <= edges(alone)
    assert [one.id for one in alone.versions] == [second.id]
    assert f"version:{other.id}" not in {one.id for one in alone.nodes}


def test_a_rollback_says_what_was_put_back_and_what_was_replaced(sqlite_gov: Governance) -> None:
    gov = sqlite_gov
    policy(gov)
    old, new = promoted(gov, 1), promoted(gov, 2)
    gov.promotion.rollback_model(NAME, by="eve", reason="worse")
    alone = edges(traced(gov, old))
    assert (f"version:{new.id}", "replaced in", f"activation:{NAME}:3") in alone
    assert (f"activation:{NAME}:3", "rolled back to", f"version:{old.id}") in alone
    assert (f"version:{old.id}", "replaced in", f"activation:{NAME}:2") in alone
    assert edges(traced(gov, NAME)) >= alone


def test_of_many_versions_the_newest_are_shown_and_the_rest_is_counted(
    sqlite_gov: Governance,
) -> None:
    for seed in range(4):
        registered(sqlite_gov, seed)
    found = traced(sqlite_gov, NAME, limit=3)
    assert [one.version for one in found.versions] == ["1.0.3", "1.0.2", "1.0.1"]
    assert found.note == "older ones are left out: 1 versions"
    assert len(traced(sqlite_gov, NAME, limit=4).left_out) == 0
    for limit in (0, 201, True, "3"):
        with pytest.raises(InvalidInputError):
            traced(sqlite_gov, NAME, limit=limit)  # type: ignore[arg-type]


def test_a_model_that_is_not_there_and_a_name_that_is_none(sqlite_gov: Governance) -> None:
    with pytest.raises(NotFoundError):
        traced(sqlite_gov, "nothing")
    with pytest.raises(InvalidInputError):
        traced(sqlite_gov, "../etc")


def test_of_many_decisions_the_newest_are_shown_and_the_rest_is_counted(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("governance.lineage.records._EACH", 1)
    policy(sqlite_gov)
    first = promoted(sqlite_gov, 1)
    promoted(sqlite_gov, 2)
    sqlite_gov.promotion.rollback_model(NAME, by="eve", reason="worse")
    alone = traced(sqlite_gov, first)
    assert alone.left_out == {"activations": 2, "decisions": 1}
    shown = [one for one in alone.nodes if one.thing is Thing.ACTIVATION]
    assert [one.facts["generation"] for one in shown] == [3]
    assert alone.note == "older ones are left out: 2 activations, 1 decisions"


def test_ten_versions_ask_as_often_as_one(sqlite_gov: Governance) -> None:
    asked = []
    for number in (1, 10):
        for seed in range(len(sqlite_gov.registry.list_models(NAME)), number):
            trained(sqlite_gov, seed, f"{seed},1")
        with statements(sqlite_gov) as found:
            assert len(traced(sqlite_gov, NAME).versions) == number
        asked.append(len(found))
    assert asked[0] == asked[1]
