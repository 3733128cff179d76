"""Registering by upload and by reference: streamed, bounded, and never a path of the caller's."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from governance import Governance
from governance.api import create_app
from governance.api.references import fetch, locate, roots_of, steps_of
from governance.errors import InvalidInputError, NotFoundError
from tests.api.conftest import As, People, identify
from tests.model_bytes import model_bytes
from tests.versions import NAME

PATH = f"/models/{NAME}/versions"
REGISTRATIONS = f"/models/{NAME}/registrations"
ASKED = {"model_type": "lightgbm", "features": ["momentum", "volume"], "tags": ["weekly"]}


def upload(person: As, *files: tuple[str, bytes], asked: Any = None, model: str = NAME) -> Any:
    text = json.dumps(ASKED if asked is None else asked)
    parts = [("artifact", file) for file in files or (("model.txt", model_bytes()),)]
    return person("POST", f"/models/{model}/versions", data={"registration": text}, files=parts)


def _leftovers(gov: Governance) -> list[Path]:
    return list((gov.settings.home / "staging" / "artifacts").glob("*"))


def test_an_upload_is_registered_for_who_sends_it(sqlite_gov: Governance, operator: As) -> None:
    made = upload(operator)
    assert made.status_code == 201, made.text
    said = made.json()
    assert (said["version"], said["created_by"], said["created"]) == ("1.0.0", "operator", True)
    version = sqlite_gov.registry.resolve(said["id"])
    stored = sqlite_gov.settings.home / version.artifact_path / "model.txt"
    assert stored.read_bytes() == model_bytes()
    assert version.manifest["feature_graph_hash"]
    again = upload(operator)
    assert (again.status_code, again.json()["id"], again.json()["created"]) == (
        200,
        said["id"],
        False,
    )
    assert _leftovers(sqlite_gov) == []


def test_several_members_keep_their_names(sqlite_gov: Governance, operator: As) -> None:
    made = upload(operator, ("model.up.txt", model_bytes(1)), ("model.down.txt", model_bytes(2)))
    assert made.status_code == 201, made.text
    folder = sqlite_gov.settings.home / made.json()["artifact_path"]
    assert {"model.up.txt", "model.down.txt"} <= {file.name for file in folder.iterdir()}


@pytest.mark.parametrize(
    ("files", "asked"),
    [
        ((("../../etc/passwd", b"x"), ("model.a", b"y")), None),
        ((("model.a", b"x"), ("model.a", b"y")), None),
        ((("model.txt", b""),), None),
        ((), {}),
        ((), {"model_type": "x", "created_by": "eve"}),
        ((), {"model_type": "x", "version": "one"}),
        ((), {"model_type": "x", "metrics": {"auc": "high"}}),
        ((), {"model_type": "x", "metadata": {"dsn": "postgresql://u:hunter2@db/x"}}),
        ((), {"model_type": "x", "datasets": [{"root": "x", "path": "/etc/passwd"}]}),
    ],
    ids=[
        "traversal",
        "twice",
        "empty",
        "no-type",
        "by-body",
        "version",
        "metric",
        "secret",
        "dataset",
    ],
)
def test_what_can_never_be_right_leaves_nothing(
    files: Any, asked: Any, sqlite_gov: Governance, operator: As
) -> None:
    answer = upload(operator, *files, asked=asked)
    assert answer.status_code == 422, answer.text
    assert "hunter2" not in answer.text
    assert list(sqlite_gov.registry.list_models()) == []
    assert _leftovers(sqlite_gov) == []


def test_a_single_file_may_be_called_as_it_likes(sqlite_gov: Governance, operator: As) -> None:
    made = upload(operator, ("../../evil name.txt", model_bytes()))
    assert made.status_code == 201
    assert made.json()["artifact_path"].startswith(f"models/{NAME}/")


def test_an_upload_has_a_size_and_a_stranger_none(sqlite_gov: Governance) -> None:
    settings = sqlite_gov.settings.model_copy(update={"api_upload_mib": 1})
    with Governance.open(settings=settings) as gov:
        app = create_app(gov, identify=identify)
        with TestClient(app, raise_server_exceptions=False) as client:
            people = People(client)
            large = ("model.txt", model_bytes() + b"#" * (2 << 20))
            refused = upload(people["operator"], large)
            assert (refused.status_code, refused.json()["code"]) == (413, "too_large")

            def pieces() -> Any:
                yield b'--x\r\nContent-Disposition: form-data; name="artifact"; '
                yield b'filename="m"\r\n\r\n'
                for _ in range(32):
                    yield b"#" * 65536

            kind = {"content-type": "multipart/form-data; boundary=x"}
            counted = people["operator"]("POST", PATH, content=pieces(), headers=kind)
            assert counted.status_code == 413
            read = []

            def watched() -> Any:
                read.append(1)
                yield b"x"

            assert (
                people["viewer"]("POST", PATH, content=watched(), headers=kind).status_code == 403
            )
            assert list(gov.registry.list_models()) == []


def test_a_form_that_breaks_off_is_refused(operator: As) -> None:
    kind = {"content-type": "multipart/form-data; boundary=x"}
    for content in (b"--x\r\nContent-Disp", b"nonsense", b""):
        answer = operator("POST", PATH, content=content, headers=kind)
        assert answer.status_code in (400, 422), content


def test_by_reference_below_an_allowed_root(sqlite_gov: Governance, tmp_path: Path) -> None:
    root = tmp_path / "exports"
    (root / "week").mkdir(parents=True)
    (root / "week" / "model.txt").write_bytes(model_bytes())
    (root / "data.csv").write_text("a,b\n1,2\n")
    settings = sqlite_gov.settings.model_copy(update={"api_artifact_roots": f"exports={root}"})
    with (
        Governance.open(settings=settings) as gov,
        TestClient(create_app(gov, identify=identify), raise_server_exceptions=False) as client,
    ):
        operator = People(client)["operator"]
        asked = {
            "model_type": "lightgbm",
            "artifact": {"root": "exports", "path": "week"},
            "datasets": [{"root": "exports", "path": "data.csv"}],
        }
        made = operator.post(REGISTRATIONS, asked)
        assert made.status_code == 201, made.text
        version = gov.registry.resolve(made.json()["id"])
        assert version.manifest["dataset_hash"]
        model, _ = gov.registry.load_model(version)
        assert model is not None
        draft = operator.post(REGISTRATIONS, {"model_type": "lightgbm", "stage": "draft"})
        assert draft.json()["stage"] == "draft"
        for wrong in ("../secret", "/etc/passwd", "week/../../x", "a\\b", "week//model.txt"):
            asked = {"model_type": "x", "artifact": {"root": "exports", "path": wrong}}
            assert operator.post(REGISTRATIONS, asked).status_code == 422, wrong
        asked = {"model_type": "x", "artifact": {"root": "nowhere", "path": "week"}}
        assert operator.post(REGISTRATIONS, asked).status_code == 422


def test_links_are_followed_nowhere(tmp_path: Path) -> None:
    root, outside, into = tmp_path / "root", tmp_path / "outside", tmp_path / "into"
    for folder in (root, outside, into):
        folder.mkdir()
    (outside / "model.txt").write_text("secret")
    (root / "link").symlink_to(outside)
    (root / "file").symlink_to(outside / "model.txt")
    (root / "folder").mkdir()
    (root / "folder" / "model.txt").symlink_to(outside / "model.txt")
    (root / "folder" / "model.bin").write_text("ours")
    roots = {"r": root}
    for path in ("link", "link/model.txt", "file", "nothing", "folder/model.bin/x"):
        with pytest.raises(NotFoundError):
            fetch(roots, "r", path, into)
        with pytest.raises(NotFoundError):
            locate(roots, "r", path)
    copied = fetch(roots, "r", "folder", into)
    assert [file.name for file in copied.iterdir()] == ["model.bin"]
    with pytest.raises(InvalidInputError):
        steps_of("a/\0")
    assert roots_of("") == {}


def test_a_form_says_nothing_twice_and_nothing_unknown(
    sqlite_gov: Governance, operator: As
) -> None:
    registration = ("registration", (None, json.dumps(ASKED)))
    artifact = ("artifact", ("model.txt", model_bytes()))
    for name in ("created_by", "stage", "version"):
        parts = [registration, artifact, (name, (None, "eve"))]
        refused = operator("POST", PATH, files=parts)
        assert refused.status_code == 422 and f"no field '{name}'" in refused.text
    other = ("registration", (None, json.dumps({**ASKED, "model_type": "other"})))
    refused = operator("POST", PATH, files=[registration, other, artifact])
    assert refused.status_code == 422 and "twice" in refused.text
    assert not sqlite_gov.registry.list_models()
    assert operator("POST", PATH, files=[registration, artifact]).status_code == 201


@pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, 507), (errno.EACCES, 503)])
def test_a_disk_without_room_for_an_upload_is_named(
    number: int,
    status: int,
    sqlite_gov: Governance,
    operator: As,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr("starlette.formparsers.SpooledTemporaryFile.write", full)
    refused = upload(operator)
    assert refused.status_code == status, refused.text
    assert _leftovers(sqlite_gov) == [] and not sqlite_gov.registry.list_models()


def test_a_folder_without_members_is_told_of_without_our_own_paths(
    sqlite_gov: Governance, tmp_path: Path
) -> None:
    (tmp_path / "exports" / "empty").mkdir(parents=True)
    (tmp_path / "exports" / "empty" / "notes.md").write_text("no member")
    settings = sqlite_gov.settings.model_copy(
        update={"api_artifact_roots": f"exports={tmp_path / 'exports'}"}
    )
    with (
        Governance.open(settings=settings) as gov,
        TestClient(create_app(gov, identify=identify)) as client,
    ):
        asked = {"model_type": "x", "artifact": {"root": "exports", "path": "empty"}}
        refused = As(client, "operator").post(REGISTRATIONS, asked)
        assert refused.status_code == 422 and "model.*" in refused.text
        assert str(tmp_path) not in refused.text and str(settings.home) not in refused.text
