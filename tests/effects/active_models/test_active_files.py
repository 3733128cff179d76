"""Links, manifests and status keys: what the database says, in one step, rebuilt at will."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select, text, update

from governance import Governance
from governance.decisions.activation import switch
from governance.decisions.record import judged
from governance.effects import registry_files
from governance.effects.active_models import files as active_files
from governance.effects.active_models.manifests import ACTIVE, FILE_NAMES, HISTORY, LATEST, PREVIOUS
from governance.effects.active_models.place import ActivePlace
from governance.effects.active_models.state import ActiveState, read_state
from governance.errors import ConflictError, InvalidNameError, StorageFullError
from governance.files import replace_together
from governance.policy.verdict import Judgement
from governance.registry import records
from governance.registry.heads import lock_head
from governance.store.database import database_time
from governance.store.promotion_tables import ops_status
from governance.values import ModelVersion, Stage
from tests.versions import NAME, champion, registered, validated


class Crash(BaseException):
    """Stands for the end of the process."""


def place(gov: Governance, model: str = NAME) -> ActivePlace:
    return ActivePlace(gov.settings.home, model)


def manifest(gov: Governance, name: str, model: str = NAME) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place(gov, model).folder / name).read_bytes())
    return found


def status(gov: Governance, model: str = NAME) -> dict[str, str]:
    columns = ops_status.c
    with gov.database.read() as connection:
        rows = connection.execute(
            select(columns.key, columns.value).where(columns.model_name == model)
        )
        return {row.key: row.value for row in rows}


def promoted(gov: Governance, seed: int, **given: Any) -> ModelVersion:
    version = champion(gov, seed, **given)
    gov.files.catch_up()
    return version


def failed_over(gov: Governance) -> None:
    """The champion is found corrupt and nothing may take over, through the one switch."""
    with gov.database.begin() as tx:
        head = lock_head(tx, NAME)
        live = records.in_production(tx, NAME)
        assert live is not None
        now = database_time(tx)
        decision = judged(
            Judgement.of([], policy={}, facts={}),
            operation="failover",
            version=live,
            facts={},
            by="health",
            reason="its bytes changed",
            at=now,
            recorded_at=now,
            generation=head + 1,
        )
        switch(
            tx,
            decision,
            version=None,
            champion=live,
            head=head,
            recorded_at=now,
            leaves_as=Stage.FAILED,
        )


def everything(gov: Governance) -> dict[str, bytes | str]:
    """All that is derived, by path: contents, and where links point."""
    found: dict[str, bytes | str] = {}
    for root in ("models", "active"):
        for path in sorted((gov.settings.home / root).rglob("*")):
            name = path.relative_to(gov.settings.home).as_posix()
            if path.is_symlink():
                found[name] = os.readlink(path)
            elif path.is_file():
                found[name] = path.read_bytes()
    return found


def test_a_promotion_moves_the_link_and_every_manifest(gov: Governance) -> None:
    first, second = promoted(gov, 1), promoted(gov, 2)
    third = registered(gov, 3)
    gov.files.catch_up()
    link = place(gov).link
    assert os.readlink(link) == f"../{second.artifact_path}", "relative: a home may be moved"
    assert link.resolve() == (gov.settings.home / second.artifact_path).resolve()
    active = manifest(gov, ACTIVE)
    assert (active["version"], active["digest"], active["generation"]) == (
        second.version,
        second.digest,
        2,
    )
    assert (active["activation"]["reason"], active["activation"]["forced"]) == ("initial", True)
    assert manifest(gov, LATEST)["version_id"] == third.id
    history = manifest(gov, HISTORY)
    assert [one["version_id"] for one in history["activations"]] == [second.id, first.id]
    assert history["last_decision"]["version_id"] == second.id
    assert {manifest(gov, name)["generation"] for name in FILE_NAMES} == {2}
    keys = status(gov)
    assert keys.pop("model_governance_last_checked_ms").isdecimal()
    assert keys == {
        "model_active_version": second.version,
        "model_candidate_version": third.version,
        "model_governance_last_action": "forced",
        "model_governance_last_reason": "initial",
    }


def test_a_registered_model_has_a_candidate_and_nothing_live(gov: Governance) -> None:
    version = registered(gov)
    gov.files.catch_up()
    assert manifest(gov, LATEST)["version_id"] == version.id
    assert not place(gov).link.is_symlink()
    assert {path.name for path in place(gov).folder.iterdir()} == {LATEST, HISTORY}
    assert status(gov)["model_active_version"] == ""
    assert status(gov)["model_governance_last_action"] == "registered"


def test_the_previous_manifest_is_where_a_rollback_goes(gov: Governance) -> None:
    """Forced versions are no automatic target."""
    promoted(gov, 1)
    promoted(gov, 2)
    assert manifest(gov, PREVIOUS)["version"] is None
    assert manifest(gov, HISTORY)["rollback_target"] is None


def test_after_a_failover_without_target_nothing_is_live(gov: Governance) -> None:
    promoted(gov, 1)
    failed_over(gov)
    gov.files.catch_up()
    assert not os.path.lexists(place(gov).link)
    active = manifest(gov, ACTIVE)
    assert (active["version"], active["digest"], active["generation"]) == (None, None, 2)
    assert active["activation"]["operation"] == "failover"
    assert status(gov)["model_active_version"] == ""
    assert status(gov)["model_governance_last_action"] == "failed_over"
    assert status(gov)["model_governance_last_reason"] == "its bytes changed"
    gov.files.reconcile()
    assert not os.path.lexists(place(gov).link)


def test_reconcile_mends_what_differs_and_names_it(gov: Governance) -> None:
    version, other = promoted(gov, 1), registered(gov, 2)
    gov.files.catch_up()
    right, keys = everything(gov), status(gov)
    assert gov.files.reconcile().mended == ()
    here = place(gov)
    here.link.unlink()
    here.link.symlink_to(f"../{other.artifact_path}")
    (here.folder / ACTIVE).write_bytes(b"{")
    (here.folder / HISTORY).unlink()
    left = here.folder / f".{ACTIVE}.0123456789abcdef.tmp"
    left.write_bytes(b"half")
    (gov.settings.home / version.artifact_path / "meta.json").write_bytes(b"")
    with gov.database.begin() as tx:
        tx.execute(update(ops_status).values(value="nonsense", generation=99))
    wrong = [
        f"active/{NAME}/.{ACTIVE}.0123456789abcdef.tmp",
        f"active/{NAME}/{ACTIVE}",
        f"active/{NAME}/{HISTORY}",
        f"active/{NAME}_active",
        f"{version.artifact_path}/meta.json",
        f"ops_status:{NAME}",
    ]
    assert gov.files.catch_up() == 0, "nothing happened, so nothing is looked at"
    before = everything(gov)
    assert sorted(gov.files.reconcile(dry_run=True).mended) == sorted(wrong)
    assert everything(gov) == before
    assert sorted(gov.files.reconcile().mended) == sorted(wrong)
    assert (everything(gov), status(gov)) == (right, keys)


def test_rebuilding_from_nothing_gives_the_same_files(gov: Governance) -> None:
    promoted(gov, 1)
    promoted(gov, 2)
    registered(gov, 3, name="other")
    gov.files.catch_up()
    right = everything(gov)
    shutil.rmtree(gov.settings.home / "active")
    (gov.settings.home / "models" / "registry_index.json").unlink()
    gov.files.catch_up()
    assert everything(gov) == right


def test_only_the_models_that_changed_are_looked_at(
    gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion(gov, 1), registered(gov, 2, name="other")
    gov.files.catch_up()
    seen: list[str] = []

    def noted(connection: Connection, model: str) -> ActiveState | None:
        seen.append(model)
        return read_state(connection, model)

    monkeypatch.setattr(active_files, "read_state", noted)
    version = validated(gov, 3, name="other")
    gov.files.catch_up()
    assert seen == ["other"]
    gov.validation.log_metric(version, "auc", 0.5, by="eve")
    gov.files.catch_up()
    assert seen == ["other"], "a metric changes no file"


@pytest.mark.parametrize(
    ("column", "value"), [("checks", "[1]"), ("checks", "{"), ("at", "garbage")]
)
def test_a_decision_that_cannot_be_read_stops_the_files_of_no_model(
    sqlite_gov: Governance, caplog: pytest.LogCaptureFixture, column: str, value: str
) -> None:
    champion(sqlite_gov, 1, name="alpha")
    live = champion(sqlite_gov, 2, name="beta")
    with sqlite_gov.database.begin() as tx:
        tx.execute(text("DROP TRIGGER decisions_no_update"))
        change = f"UPDATE decisions SET {column} = :value WHERE model_name = 'alpha'"
        tx.execute(text(change), {"value": value})
    place(sqlite_gov, "beta").link.unlink()
    sqlite_gov.files.reconcile()
    assert place(sqlite_gov, "beta").link.is_symlink()
    assert manifest(sqlite_gov, ACTIVE, "beta")["version_id"] == live.id
    assert manifest(sqlite_gov, HISTORY, "alpha")["last_decision"] is None
    assert status(sqlite_gov, "alpha")["model_governance_last_action"] == "unreadable"
    assert "last decision about alpha" in caplog.text


def test_a_killed_writer_leaves_files_that_the_next_one_mends(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    promoted(sqlite_gov, 1)
    with monkeypatch.context() as patched:
        patched.setattr(ActivePlace, "point", lambda *_: (_ for _ in ()).throw(Crash()))
        with pytest.raises(Crash):
            champion(sqlite_gov, 2)
    second = sqlite_gov.registry.resolve(f"{NAME}@production")
    assert manifest(sqlite_gov, ACTIVE)["version_id"] == second.id
    assert os.readlink(place(sqlite_gov).link) != f"../{second.artifact_path}"
    sqlite_gov.files.catch_up()
    assert os.readlink(place(sqlite_gov).link) == f"../{second.artifact_path}"


def test_the_link_is_never_absent_or_dangling_while_it_moves(sqlite_gov: Governance) -> None:
    home = sqlite_gov.settings.home
    paths = {promoted(sqlite_gov, seed).artifact_path for seed in (1, 2)}
    here = place(sqlite_gov)
    stop, looked, bad = threading.Event(), [0], []

    def look() -> None:
        while not stop.is_set():
            looked[0] += 1
            try:
                members = os.listdir(here.link)
                if "meta.json" not in members:
                    bad.append(str(members))
                json.loads((here.folder / ACTIVE).read_bytes())
            except (OSError, ValueError) as error:
                bad.append(repr(error))

    readers = [threading.Thread(target=look) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(60):
        for path in sorted(paths):
            here.point(path)
            replace_together({here.folder / ACTIVE: json.dumps({"p": path * 500}).encode()})
    stop.set()
    for reader in readers:
        reader.join()
    assert bad == [] and looked[0] > 60
    assert (home / "active").is_dir() and {p.name for p in (home / "active").iterdir()} == {
        NAME,
        f"{NAME}_active",
    }


def test_a_lost_artifact_leaves_no_link_to_nothing(sqlite_gov: Governance) -> None:
    version = promoted(sqlite_gov, 1)
    shutil.rmtree(sqlite_gov.settings.home / version.artifact_path)
    assert sqlite_gov.files.reconcile().mended == (f"active/{NAME}_active",)
    assert not os.path.lexists(place(sqlite_gov).link)
    assert manifest(sqlite_gov, ACTIVE)["version_id"] == version.id, "the decision stands"


def test_a_newer_file_of_this_database_stays(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow writer with an old snapshot, where no lock reached (another machine)."""
    promoted(sqlite_gov, 1)
    second = validated(sqlite_gov, 2)
    mending = active_files.ActiveFiles(database=sqlite_gov.database, home=sqlite_gov.settings.home)
    with sqlite_gov.database.read() as old:
        records.latest(old, NAME)  # the snapshot is taken by its first query
        sqlite_gov.promotion.promote_to_production(second, by="eve", force=True, reason="newer")
        sqlite_gov.files.catch_up()
        right, keys = everything(sqlite_gov), status(sqlite_gov)
        assert list(mending.mend(old, [NAME])) == [f"ops_status:{NAME}"]
    assert everything(sqlite_gov) == right
    assert status(sqlite_gov) == keys, "nor are newer keys replaced"


def test_files_of_another_database_are_refused_until_adopted(
    gov: Governance, tmp_path: Path, logged: pytest.LogCaptureFixture
) -> None:
    promoted(gov, 1)
    with Governance.open(database=f"sqlite:///{tmp_path}/x.db", home=tmp_path / "other") as other:
        promoted(other, 5)
        promoted(other, 6, name="stranger")
        shutil.rmtree(gov.settings.home / "active")
        shutil.copytree(other.settings.home / "active", gov.settings.home / "active", symlinks=True)
    before = everything(gov)
    with pytest.raises(ConflictError, match="another database"):
        gov.files.reconcile()
    champion(gov, 2)
    assert gov.files.catch_up() == 0
    assert "another database" in logged.text
    changed = everything(gov)
    assert all(changed[name] == was for name, was in before.items() if name.startswith("active/"))
    mended = gov.files.reconcile(adopt=True).mended
    assert f"active/{NAME}/{ACTIVE}" in mended and "active/stranger_active" in mended
    assert not (gov.settings.home / "active" / "stranger").exists()
    assert gov.files.reconcile().mended == ()


def test_a_model_named_like_a_link_has_a_folder_of_its_own(sqlite_gov: Governance) -> None:
    one = promoted(sqlite_gov, 1, name="pivot")
    two = promoted(sqlite_gov, 2, name="pivot_active")
    names = sorted(path.name for path in (sqlite_gov.settings.home / "active").iterdir())
    assert names == ["pivot", "pivot_active", "pivot_active.d", "pivot_active_active"]
    assert os.readlink(place(sqlite_gov, "pivot").link) == f"../{one.artifact_path}"
    assert os.readlink(place(sqlite_gov, "pivot_active").link) == f"../{two.artifact_path}"
    assert sqlite_gov.files.reconcile().mended == ()


@pytest.mark.parametrize("name", ["../evil", "a/b", "", ".", "A", "x\n", "m" * 65, "\x00"])
def test_no_other_name_becomes_a_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidNameError):
        ActivePlace(tmp_path, name)


def test_links_in_place_of_files_and_folders_are_not_followed(
    sqlite_gov: Governance, tmp_path: Path, logged: pytest.LogCaptureFixture
) -> None:
    promoted(sqlite_gov, 1)
    outside = tmp_path / "outside"
    outside.write_text("mine")
    here = place(sqlite_gov)
    (here.folder / ACTIVE).unlink()
    (here.folder / ACTIVE).symlink_to(outside)
    assert f"active/{NAME}/{ACTIVE}" in sqlite_gov.files.reconcile().mended
    assert outside.read_text() == "mine" and not (here.folder / ACTIVE).is_symlink()
    shutil.rmtree(here.folder)
    (tmp_path / "elsewhere").mkdir()
    here.folder.symlink_to(tmp_path / "elsewhere")
    champion(sqlite_gov, 2)
    assert sqlite_gov.files.catch_up() == 0
    assert "is a link" in logged.text and not list((tmp_path / "elsewhere").iterdir())


def test_what_cannot_be_written_stops_nobody_else(
    sqlite_gov: Governance, logged: pytest.LogCaptureFixture
) -> None:
    """A folder where a link belongs: that model waits, the others and the decision do not."""
    blocked = place(sqlite_gov, "aaa").link
    blocked.mkdir(parents=True)
    champion(sqlite_gov, 1, name="aaa")
    version = champion(sqlite_gov, 2)
    assert sqlite_gov.files.catch_up() == 0
    assert "governance reconcile" in logged.text
    assert os.readlink(place(sqlite_gov).link) == f"../{version.artifact_path}"
    blocked.rmdir()
    assert sqlite_gov.files.catch_up() > 0
    assert place(sqlite_gov, "aaa").link.is_symlink()
    assert sqlite_gov.files.reconcile().mended == ()


def test_a_full_disk_is_logged_and_mended_later(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch, logged: pytest.LogCaptureFixture
) -> None:
    promoted(sqlite_gov, 1)
    before = everything(sqlite_gov)

    def full(*_: Any, **__: Any) -> None:
        raise StorageFullError("cannot write: No space left on device; free some space")

    with monkeypatch.context() as patched:
        for module, name in ((registry_files, "replace_together"), (active_files, "ActivePlace")):
            patched.setattr(module, name, full)
        version = champion(sqlite_gov, 2)
        assert sqlite_gov.files.catch_up() == 0
    assert "No space left" in logged.text
    kept = everything(sqlite_gov)
    assert all(kept[name] == was for name, was in before.items())
    assert sqlite_gov.registry.get_production_model(NAME) == version, "the decision stands"
    sqlite_gov.files.catch_up()
    assert manifest(sqlite_gov, ACTIVE)["version_id"] == version.id
    assert sqlite_gov.files.reconcile().mended == ()


def test_nothing_is_written_through_a_link_to_elsewhere(
    sqlite_gov: Governance, tmp_path: Path, logged: pytest.LogCaptureFixture
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    sqlite_gov.settings.home.mkdir(exist_ok=True)
    (sqlite_gov.settings.home / "active").symlink_to(elsewhere)
    champion(sqlite_gov, 1)
    assert list(elsewhere.iterdir()) == []
    assert "active is a link; remove it" in logged.text


def test_a_folder_in_the_place_of_the_link_is_named(
    sqlite_gov: Governance, logged: pytest.LogCaptureFixture
) -> None:
    place(sqlite_gov).link.mkdir(parents=True)
    version = champion(sqlite_gov, 1)
    assert "is a folder, where the link to the version in production belongs" in logged.text
    assert manifest(sqlite_gov, ACTIVE)["version_id"] == version.id
    place(sqlite_gov).link.rmdir()
    sqlite_gov.files.reconcile()
    assert os.readlink(place(sqlite_gov).link) == f"../{version.artifact_path}"


def test_the_link_follows_where_the_manifests_find_no_room(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    promoted(sqlite_gov, 1)

    def full(*_: object) -> None:
        raise StorageFullError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr("governance.effects.active_models.place.replace_together", full)
        second = champion(sqlite_gov, 2)
    assert os.readlink(place(sqlite_gov).link) == f"../{second.artifact_path}"
    assert manifest(sqlite_gov, ACTIVE)["version_id"] != second.id
    sqlite_gov.files.catch_up()
    assert manifest(sqlite_gov, ACTIVE)["version_id"] == second.id


def test_a_folder_in_the_place_of_a_manifest_stops_no_other(
    sqlite_gov: Governance, logged: pytest.LogCaptureFixture
) -> None:
    promoted(sqlite_gov, 1)
    here = place(sqlite_gov)
    (here.folder / PREVIOUS).unlink()
    (here.folder / PREVIOUS).mkdir()
    second = champion(sqlite_gov, 2)
    assert manifest(sqlite_gov, ACTIVE)["version_id"] == second.id
    assert f"{PREVIOUS} is a folder, where a manifest belongs" in logged.text
    (here.folder / PREVIOUS).rmdir()
    sqlite_gov.files.reconcile()
    assert manifest(sqlite_gov, PREVIOUS)["generation"] == 2
