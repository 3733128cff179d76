"""F10: a disk that is full, at many fillings: a typed error, nothing half there, and it goes on.

Needs a file system of its own, a small tmpfs that root can mount. Elsewhere the same is asked of a
database file that may not grow.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from governance import Governance
from governance.effects.active_models.manifests import ACTIVE, HISTORY
from governance.effects.active_models.place import ActivePlace
from governance.errors import GovernanceError, StorageFullError, StorageUnavailableError
from governance.registry.clean_up import collect_garbage
from governance.values import Stage
from tests.model_bytes import model_bytes
from tests.versions import NAME, champion, head, registered, validated

MIB = 1 << 20
FULL = os.environ.get("GOVERNANCE_FAULTS") == "full"
STEPS = range(0, 200_000, 1024 if FULL else 8192)
SIZE_MIB = 32 if FULL else 8  # what all steps together keep must fit


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", str(place)],
            capture_output=True,
            check=False,
        ).returncode
    )
    if not mounted:
        pytest.skip("only root can mount a small disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def full_gov(small_disk: Path) -> Iterator[Governance]:
    """Home and SQLite file on the small disk."""
    (small_disk / "given").mkdir()
    with Governance.open(home=small_disk / "given" / "home") as gov:
        yield gov


class Ballast:
    """Fills a disk so that some bytes are left free, and gives it back."""

    def __init__(self, disk: Path) -> None:
        self._file = disk / "ballast"
        self._disk = disk

    def leave(self, free: int) -> None:
        self.drop()
        size = shutil.disk_usage(self._disk).free - free
        with self._file.open("wb") as file:
            if size > 0:
                os.posix_fallocate(file.fileno(), 0, size)

    def drop(self) -> None:
        self._file.unlink(missing_ok=True)


def _leftovers(gov: Governance) -> list[str]:
    return [path.name for path in (gov.settings.home / "staging" / "artifacts").glob("*")]


def _whole(gov: Governance) -> None:
    for version in gov.registry.list_models(limit=1000):
        assert gov.artifacts.digest(version.artifact_path) == version.digest
    assert gov.audit.verify()
    assert _leftovers(gov) == []


def test_a_registration_at_any_filling_is_whole_or_refused(
    full_gov: Governance, small_disk: Path
) -> None:
    ballast = Ballast(small_disk)
    registered(full_gov, 0)
    given = full_gov.settings.home.parent
    refused = taken = 0
    for seed, free in enumerate(STEPS, start=1):
        count, before = len(full_gov.registry.list_models(limit=1000)), head(full_gov)
        path = given / f"given-{seed}.txt"
        path.write_bytes(model_bytes(seed) + b"\n" * 30_000)

        def register(path: Path = path) -> Any:
            return full_gov.registry.register_model(
                NAME, model_path=path, model_type="lightgbm", created_by="ann"
            )

        ballast.leave(free)
        try:
            register()
        except StorageFullError as error:
            refused += 1
            assert "space" in str(error)
            assert len(full_gov.registry.list_models(limit=1000)) == count
            assert head(full_gov) == before
        else:
            taken += 1
        _whole(full_gov)  # reading needs no space
        ballast.drop()
        register()
        assert len(full_gov.registry.list_models(limit=1000)) == count + 1
        path.unlink()
    assert refused and taken, "the fillings lie on both sides"
    collect_garbage(full_gov.database, full_gov.artifacts, older_than=timedelta(seconds=-5))
    _whole(full_gov)


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(
            lambda gov, version: gov.promotion.promote_to_production(
                version, by="eve", force=True, reason="F10"
            ),
            id="promote",
        ),
        pytest.param(
            lambda gov, version: gov.registry.transition(version, "failed", "eve", "F10"),
            id="transition",
        ),
        pytest.param(
            lambda gov, version: gov.validation.log_metric(version, "auc", 0.5, by="eve"),
            id="log_metric",
        ),
    ],
)
def test_a_change_on_a_full_disk_is_whole_or_refused_and_goes_through_later(
    full_gov: Governance, small_disk: Path, act: Callable[[Governance, Any], object]
) -> None:
    live, version = champion(full_gov, 0), validated(full_gov, 1)
    before = head(full_gov)
    ballast = Ballast(small_disk)
    refused = False
    for _ in range(400):  # the log keeps some room; fill it until it has none
        ballast.leave(0)
        try:
            full_gov.validation.log_metric(live, f"m{head(full_gov)}", 0.5, by="eve")
        except StorageFullError:
            refused = True
            break
    assert refused
    before = head(full_gov)
    with pytest.raises(StorageFullError, match="nothing was changed"):
        act(full_gov, version)
    assert head(full_gov) == before
    assert full_gov.registry.resolve(version).stage is Stage.VALIDATED
    assert full_gov.registry.get_production_model(NAME) == live
    model, _ = full_gov.registry.load_model(live)  # reads go on, and so does serving
    assert model.predict([[1.0, 0.0]]).tolist() == [9.0]
    ballast.drop()
    act(full_gov, version)
    assert head(full_gov) > before


def test_files_that_follow_catch_up_once_there_is_room(
    full_gov: Governance, small_disk: Path
) -> None:
    version = validated(full_gov)
    ballast = Ballast(small_disk)
    ballast.leave(0)
    assert full_gov.files.catch_up() == 0
    with pytest.raises(StorageFullError):
        full_gov.files.reconcile()
    ballast.drop()
    full_gov.files.catch_up()
    meta = full_gov.settings.home / version.artifact_path / "meta.json"
    assert '"status": "validated"' in meta.read_text()
    assert [p.name for p in meta.parent.iterdir() if p.name.startswith(".")] == []


def test_effects_at_any_filling_are_whole_or_wait(
    full_gov: Governance, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The decision stands; link and manifests are the old or the new, and end as the new."""
    champion(full_gov, 0)
    monkeypatch.setattr(full_gov.promotion, "_follow", lambda: 0)  # they follow on the full disk
    here = ActivePlace(full_gov.settings.home, NAME)
    ballast = Ballast(small_disk)
    waited = written = 0
    for seed, free in enumerate((0, 4096, 8192, 16384, 32768, 65536, 1 << 20), start=1):
        before = json.loads((here.folder / ACTIVE).read_bytes())["generation"]
        version = champion(full_gov, seed)
        ballast.leave(free)
        full_gov.files.catch_up()
        now = json.loads((here.folder / ACTIVE).read_bytes())["generation"]
        assert now in (before, before + 1)
        assert (here.link / "meta.json").exists()
        assert json.loads((here.folder / HISTORY).read_bytes())["generation"] in (before, now)
        waited, written = waited + (now == before), written + (now > before)
        ballast.drop()
        assert full_gov.registry.get_production_model(NAME) == version
        full_gov.files.catch_up()
        assert json.loads((here.folder / ACTIVE).read_bytes())["version_id"] == version.id
        assert full_gov.files.reconcile().mended == ()
    assert waited and written, "the fillings lie on both sides"


def test_a_home_that_is_read_only_is_logged_and_mended_later(
    small_disk: Path, tmp_path: Path, logged: pytest.LogCaptureFixture
) -> None:
    (small_disk / "given").mkdir()
    home = small_disk / "given" / "home"
    with Governance.open(database=f"sqlite:///{tmp_path / 'elsewhere.db'}", home=home) as gov:
        champion(gov, 0)
        gov.files.catch_up()
        version = validated(gov, 1)
        before = (home / "active" / NAME / ACTIVE).read_bytes()
        _remounted(small_disk, "ro")
        try:
            gov.promotion.promote_to_production(version, by="eve", force=True, reason="F10")
            assert gov.files.catch_up() == 0
        finally:
            _remounted(small_disk, "rw")
        assert "governance reconcile" in logged.text
        assert (home / "active" / NAME / ACTIVE).read_bytes() == before
        assert gov.files.reconcile().mended
        assert (
            json.loads((home / "active" / NAME / ACTIVE).read_bytes())["version_id"] == version.id
        )


def _remounted(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)


def test_a_database_that_may_not_grow_refuses_by_type(sqlite_gov: Governance) -> None:
    """For where nothing can be mounted: SQLite itself says that it is full."""

    @event.listens_for(sqlite_gov.database.engine, "begin")
    def _limit(connection: Any) -> None:
        raw = connection.connection.driver_connection
        pages = raw.execute("PRAGMA page_count").fetchone()[0]
        raw.execute(f"PRAGMA max_page_count = {pages}")

    refused: GovernanceError | None = None
    before = count = 0
    for seed in range(200):
        before, count = head(sqlite_gov), len(sqlite_gov.registry.list_models(limit=1000))
        try:
            registered(sqlite_gov, seed, metadata={f"k{i}": "x" * 4000 for i in range(8)})
        except StorageFullError as error:
            refused = error
            break
    assert refused is not None and "nothing was changed" in str(refused)
    assert head(sqlite_gov) == before
    assert len(sqlite_gov.registry.list_models(limit=1000)) == count
    event.remove(sqlite_gov.database.engine, "begin", _limit)


def test_a_file_in_place_of_the_artifact_folder_is_named(sqlite_gov: Governance) -> None:
    """A file where the folder of artifacts should be: not a full disk, and told so."""
    (sqlite_gov.settings.home / "staging").parent.mkdir(parents=True, exist_ok=True)
    (sqlite_gov.settings.home / "models").write_bytes(b"in the way")
    with pytest.raises(StorageUnavailableError, match="models"):
        registered(sqlite_gov)
    assert head(sqlite_gov) == 0
    assert _leftovers(sqlite_gov) == []
