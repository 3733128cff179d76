"""Reads of models and versions: shapes, pages, and only what one sees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from governance import Governance
from tests.api.conftest import As, People
from tests.versions import NAME, champion, registered, validated


@contextmanager
def statements(gov: Governance) -> Iterator[list[str]]:
    """The statements that the block sends to the database."""
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        found.append(statement)

    event.listen(gov.database.engine, "before_cursor_execute", note)
    yield found
    event.remove(gov.database.engine, "before_cursor_execute", note)


def test_a_model_and_its_versions(sqlite_gov: Governance, viewer: As) -> None:
    first = champion(sqlite_gov, 0)
    second = registered(sqlite_gov, 1, tags=["weekly"])
    found = viewer.get(f"/models/{NAME}")
    assert found.headers["etag"] == '"1"'
    said = found.json()
    assert (said["production"], said["latest"], said["versions"]) == ("1.0.0", "1.0.1", 2)
    assert said["stages"] == {"production": 1, "trained": 1}
    assert viewer.get(f"/models/{NAME}/generation").json()["generation"] == 1
    assert viewer.get(f"/models/{NAME}/production").json()["id"] == first.id
    assert viewer.get(f"/models/{NAME}/versions/latest").json()["id"] == second.id
    assert viewer.get(f"/models/{NAME}/versions/latest", stage="failed").status_code == 404
    for ref in ("1.0.1", second.id):
        whole = viewer.get(f"/models/{NAME}/versions/{ref}").json()
        assert whole["digest"] == second.digest and "python" in whole["manifest"]
    assert viewer.get(f"/versions/{second.id}").json()["version"] == "1.0.1"
    (live,) = viewer.get(f"/models/{NAME}/activations").json()["items"]
    assert (live["version"], live["forced"], live["by"]) == ("1.0.0", True, "eve")
    (tagged,) = viewer.get(f"/models/{NAME}/versions", tag="weekly").json()["items"]
    assert tagged["id"] == second.id


def test_pages_go_on_where_they_ended(sqlite_gov: Governance, viewer: As) -> None:
    for number in range(5):
        registered(sqlite_gov, number, name=f"momentum{number}")
    for path, key in (("/models", "name"), ("/versions", "name")):
        names: list[str] = []
        cursor = None
        while True:
            params = {"limit": 2} | ({} if cursor is None else {"cursor": cursor})
            page = viewer.get(path, **params).json()
            names += [one[key] for one in page["items"]]
            if (cursor := page["next_cursor"]) is None:
                break
        assert names == [f"momentum{number}" for number in range(5)]
    assert viewer.get("/versions", cursor="nonsense").status_code == 422
    assert viewer.get("/models", limit=0).status_code == 422


def test_one_sees_what_one_was_granted(sqlite_gov: Governance, people: People) -> None:
    registered(sqlite_gov, 0)
    other = registered(sqlite_gov, 1, name="other-team-x")
    names = [one["name"] for one in people["viewer"].get("/models").json()["items"]]
    assert names == [NAME]
    assert [one["name"] for one in people["admin"].get("/models").json()["items"]] == [
        NAME,
        "other-team-x",
    ]
    stranger = people["stranger"]
    assert [one["name"] for one in stranger.get("/versions").json()["items"]] == ["other-team-x"]
    assert stranger.get("/versions", model=NAME).json()["items"] == []
    assert stranger.get(f"/models/{NAME}").status_code == 403
    unseen = people["viewer"].get(f"/versions/{other.id}")
    unknown = people["viewer"].get("/versions/000000000000")
    assert unseen.status_code == unknown.status_code == 404
    assert unseen.json() == unknown.json()
    # An id of another model's version does not lead there through one's own model.
    assert people["viewer"].get(f"/models/{NAME}/versions/{other.id}").status_code == 404
    denied = sqlite_gov.audit.entries(action="access.denied")
    assert {entry.actor for entry in denied} == {"stranger", "viewer"}


def test_lists_ask_as_often_for_fifty_models_as_for_one(sqlite_gov: Governance, viewer: As) -> None:
    validated(sqlite_gov, 0, name="momentum-0")
    asked: dict[str, list[int]] = {}
    for number in (1, 50):
        for more in range(len(sqlite_gov.registry.list_models(limit=1000)), number):
            registered(sqlite_gov, more, name=f"momentum-{more}")
        for path in ("/models", "/versions"):
            with statements(sqlite_gov) as found:
                assert len(viewer.get(path).json()["items"]) == number
            asked.setdefault(path, []).append(len(found))
    assert all(one == many for one, many in asked.values()), asked
