"""Lineage over HTTP: every form, of a model and of a version, for those who see the model."""

from __future__ import annotations

import json

import pytest

from governance import Governance
from governance.lineage.forms import Format
from tests.api.conftest import As, People
from tests.api.test_models import statements
from tests.api.world import build
from tests.versions import NAME, registered


@pytest.mark.parametrize("form", list(Format))
def test_every_form_has_its_media_type(sqlite_gov: Governance, viewer: As, form: Format) -> None:
    world = build(sqlite_gov)
    for path in (
        f"/models/{NAME}/lineage",
        f"/models/{NAME}/versions/{world.champion.version}/lineage",
        f"/models/{NAME}/versions/{world.champion.id}/lineage",
    ):
        answer = viewer.get(path, format=form.value)
        assert answer.status_code == 200
        assert answer.headers["content-type"].partition(";")[0] == form.media_type
        assert world.champion.version in answer.text


def test_the_graph_is_the_default_and_is_bounded(sqlite_gov: Governance, viewer: As) -> None:
    for seed in range(3):
        registered(sqlite_gov, seed)
    said = viewer.get(f"/models/{NAME}/lineage", limit=2).json()
    assert said["model"] == NAME and said["left_out"] == {"versions": 1}
    assert {one["label"] for one in said["nodes"]} == {f"{NAME} 1.0.1", f"{NAME} 1.0.2"}
    for params in ({"limit": 0}, {"limit": 201}, {"format": "svg"}, {"form": "dot"}):
        assert viewer.get(f"/models/{NAME}/lineage", **params).status_code == 422


def test_of_what_is_not_there_or_not_seen_nothing_is_told(
    sqlite_gov: Governance, people: People
) -> None:
    registered(sqlite_gov, 0)
    other = registered(sqlite_gov, 1, name="other-team-x")
    viewer = people["viewer"]
    assert viewer.get(f"/models/{NAME}/versions/9.0.0/lineage").status_code == 404
    assert viewer.get("/models/momentum-none/lineage").status_code == 404
    assert viewer.get(f"/models/{other.name}/lineage").status_code == 403
    # An id of another model's version does not lead there through one's own model.
    hidden = viewer.get(f"/models/{NAME}/versions/{other.id}/lineage")
    assert hidden.status_code == 404 and other.digest not in hidden.text


def test_it_asks_the_database_as_often_for_many_versions(
    sqlite_gov: Governance, viewer: As
) -> None:
    asked = []
    for number in (1, 8):
        for seed in range(len(sqlite_gov.registry.list_models(NAME)), number):
            registered(sqlite_gov, seed)
        with statements(sqlite_gov) as found:
            answer = viewer.get(f"/models/{NAME}/lineage", format="openlineage")
            assert isinstance(json.loads(answer.text), list)
        asked.append(len(found))
    assert asked[0] == asked[1]
