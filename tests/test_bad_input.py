"""The list "Bad input" of the requirements: each a typed error that says what to do, and nothing
half-registered. What the retrain cycle makes of bad data is in ``tests/training/test_cycle.py``.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from governance import Governance
from governance.canonical import sha256_of
from governance.errors import (
    ArtifactMissingError,
    ConfigError,
    DatabaseUnavailableError,
    DatasetUnavailableError,
    FeatureGraphError,
    GovernanceError,
    IntegrityError,
    InvalidInputError,
    InvalidNameError,
    NaiveDatetimeError,
    NotFoundError,
    SecretInMetadataError,
    SettingsError,
)
from governance.settings import Settings
from governance.values import check_model_name
from tests.model_bytes import model_bytes, model_file
from tests.versions import NAME, actions, champion, head, registered, validated

NAMES = [
    "../etc",
    "..",
    ".",
    "",
    "/",
    "a/b",
    "a\\b",
    "a..b",
    "A",
    "-a",
    "a-",
    "_a",
    "a b",
    "a\n",
    "a\x00",
    "ä",
    "a" * 65,
    "con:1.0.0",
    "a@production",
    None,
    7,
    b"a",
]


def _nothing_happened(gov: Governance, before: int = 0) -> None:
    assert head(gov) == before
    assert list((gov.settings.home / "staging" / "artifacts").glob("*")) == []


# -- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_a_name_that_could_lead_elsewhere_is_refused_by_every_call(
    sqlite_gov: Governance, name: Any
) -> None:
    registry = sqlite_gov.registry
    path = model_file(sqlite_gov.settings.home.parent)
    calls = (
        lambda: registry.register_model(name, model_path=path, model_type="x", created_by="ann"),
        lambda: registry.get_model(name, "1.0.0"),
        lambda: registry.get_latest_version(name),
        lambda: registry.get_production_model(name),
        lambda: registry.generation(name),
        lambda: sqlite_gov.cycle.check_data(name, run="r", at=datetime(2020, 1, 1, tzinfo=UTC)),
    )
    for call in calls[:-1]:
        with pytest.raises(InvalidNameError, match="use 1-64 of"):
            call()
    if isinstance(name, str):
        with pytest.raises(ConfigError, match="not declared"):
            calls[-1]()
    _nothing_happened(sqlite_gov)
    assert not (sqlite_gov.settings.home / "models").exists()


@given(name=st.text(max_size=70))
def test_a_name_that_is_taken_is_a_plain_folder_name(name: str) -> None:
    try:
        check_model_name(name)
    except InvalidNameError:
        return
    assert Path(name).name == name and name.isascii()
    assert (Path("/home/models") / name).resolve().parent == Path("/home/models")


# -- registration ---------------------------------------------------------------------------------

REGISTRATIONS: list[tuple[str, dict[str, Any], type[GovernanceError]]] = [
    ("missing file", {"model_path": "/no/such/file.txt"}, InvalidInputError),
    ("device", {"model_path": "/dev/zero"}, InvalidInputError),
    ("NUL in path", {"model_path": "a\x00b"}, InvalidInputError),
    ("nan metric", {"metrics": {"auc": float("nan")}}, InvalidInputError),
    ("inf metric", {"metrics": {"test": {"auc": float("inf")}}}, InvalidInputError),
    ("huge metric", {"metrics": {"auc": 10**400}}, InvalidInputError),
    ("nan config", {"config": {"rate": float("nan")}}, InvalidInputError),
    ("odd config", {"config": {"model": object()}}, InvalidInputError),
    ("keys that are no text", {"config": {1: 2}}, InvalidInputError),
    ("secret", {"metadata": {"dsn": "postgresql://u:hunter2@db/x"}}, SecretInMetadataError),
    ("too much metadata", {"metadata": {str(i): i for i in range(65)}}, InvalidInputError),
    ("half a character", {"metadata": {"k": "\ud800"}}, InvalidInputError),
    ("half a character in config", {"config": {"k": "\ud800"}}, InvalidInputError),
    ("NUL in description", {"description": "a\x00"}, InvalidInputError),
    ("no person", {"created_by": ""}, InvalidInputError),
    ("two lines", {"created_by": "ann\nroot"}, InvalidInputError),
    ("long person", {"created_by": "a" * 256}, InvalidInputError),
    ("no type", {"model_type": " "}, InvalidInputError),
    ("no version", {"version": "latest"}, InvalidInputError),
    ("no stage", {"stage": "live"}, InvalidInputError),
    ("no tag", {"tags": ["a b"]}, InvalidInputError),
    ("naive time", {"at": datetime(2020, 1, 1)}, NaiveDatetimeError),
    ("no time", {"at": "2020-01-01"}, InvalidInputError),
    ("missing data", {"dataset_paths": ["/no/such/data.csv"]}, DatasetUnavailableError),
    ("unknown provenance", {"provenance": {"sede": 7}}, InvalidInputError),
    (
        "naive training end",
        {"provenance": {"trained_end": datetime(2020, 1, 1)}},
        NaiveDatetimeError,
    ),
    ("feature twice", {"features": ["close", "close"]}, FeatureGraphError),
]


@pytest.mark.parametrize(
    ("given", "error"),
    [(given, error) for _, given, error in REGISTRATIONS],
    ids=[what for what, _, _ in REGISTRATIONS],
)
def test_a_registration_that_cannot_be_right_leaves_nothing(
    gov: Governance, given: dict[str, Any], error: type[GovernanceError]
) -> None:
    path = model_file(gov.settings.home.parent)
    asked = {"model_path": path, "model_type": "x", "created_by": "ann", **given}
    with pytest.raises(error) as refusal:
        gov.registry.register_model(NAME, **asked)
    assert len(str(refusal.value)) > 20 and "hunter2" not in str(refusal.value)
    _nothing_happened(gov)
    assert list(gov.artifacts.iter_folders()) == []


def test_an_empty_model_file_is_refused(sqlite_gov: Governance, tmp_path: Path) -> None:
    path = tmp_path / "empty.txt"
    path.touch()
    with pytest.raises(InvalidInputError, match="at least one byte"):
        sqlite_gov.registry.register_model(NAME, model_path=path, model_type="x", created_by="ann")
    _nothing_happened(sqlite_gov)


def test_a_corrupt_model_is_registered_as_bytes_and_refused_at_validation(
    sqlite_gov: Governance, tmp_path: Path
) -> None:
    path = tmp_path / "half.txt"
    path.write_bytes(model_bytes()[:400])
    version = sqlite_gov.registry.register_model(
        NAME, model_path=path, model_type="lightgbm", created_by="ann"
    )
    assert sqlite_gov.validate(version, by="ann").verdict == "fail"
    assert sqlite_gov.registry.resolve(version).stage == "failed"


def test_a_model_file_that_is_gone_is_named_and_nothing_else_breaks(
    sqlite_gov: Governance,
) -> None:
    live, lost = champion(sqlite_gov, 1), validated(sqlite_gov, 2)
    (sqlite_gov.settings.home / lost.artifact_path / "model.txt").unlink()
    with pytest.raises(ArtifactMissingError, match=lost.id):
        sqlite_gov.registry.load_model(lost)
    assert sqlite_gov.registry.load_model(live)[1] == live


# -- configuration and settings -------------------------------------------------------------------


def test_a_broken_configuration_names_its_place_and_stops_what_needs_it(
    sqlite_gov: Governance,
) -> None:
    path = sqlite_gov.settings.config_path
    path.parent.mkdir(parents=True)
    path.write_text("models:\n  momentum: {kind: traiding}\n")
    with pytest.raises(ConfigError, match=r"governance\.yaml:2:\d+"):
        registered(sqlite_gov)
    _nothing_happened(sqlite_gov)
    path.write_text("models: {}\n")  # mended: no restart is needed
    assert registered(sqlite_gov).created


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GOVERNANCE_DATABASE_URL", "no url at all"),
        ("GOVERNANCE_DATABASE_URL", "mysql://u:hunter2@db/x"),
        ("GOVERNANCE_DATABASE_URL", "sqlite://"),
        ("GOVERNANCE_PROBE_CPU_SECONDS", "0"),
        ("GOVERNANCE_PROBE_MEMORY_MIB", "lots"),
        ("GOVERNANCE_LOCK_TIMEOUT_SECONDS", "-1"),
        ("GOVERNANCE_ALLOW_PICKLE", "perhaps"),
    ],
)
def test_a_setting_that_cannot_be_taken_is_named_without_its_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as refusal:
        Governance.open(home=tmp_path)
    assert "hunter2" not in str(refusal.value)


def test_a_home_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseUnavailableError, match="folder"):
        Governance.open(home=tmp_path / "file" / "home")


def test_a_file_that_is_no_database_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "governance.db").write_bytes(b"This is not a database. " * 100)
    with pytest.raises(IntegrityError, match="restore"):
        Governance.open(home=tmp_path)


# -- a locked database ----------------------------------------------------------------------------


@pytest.fixture
def impatient(database_url: str, tmp_path: Path) -> Iterator[Governance]:
    """Gives up on a lock after a third of a second."""
    settings = Settings.load(
        home=tmp_path / "home", database_url=database_url, lock_timeout_seconds=0.3
    )
    with Governance.open(settings=settings) as gov:
        yield gov


@contextmanager
def _somebody_holds_it(gov: Governance, url: str) -> Iterator[None]:
    """Another connection in a write transaction on the same model."""
    if gov.database.dialect == "sqlite":
        file = sqlite3.connect(str(gov.database.path), isolation_level=None)
        file.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            file.rollback()
            file.close()
        return
    with (
        Governance.open(database=url, home=gov.settings.home) as other,
        other.database.begin() as tx,
    ):
        tx.execute(text("SELECT * FROM governed_models FOR UPDATE"))
        yield


def test_a_locked_database_is_unavailable_and_the_same_call_goes_through_later(
    impatient: Governance, database_url: str
) -> None:
    live, version = champion(impatient, 1), validated(impatient, 2)
    before = head(impatient)

    def promote() -> Any:
        return impatient.promotion.promote_to_production(
            version, by="eve", force=True, reason="x", idempotency_key="k"
        )

    with _somebody_holds_it(impatient, database_url):
        for call in (
            promote,
            lambda: registered(impatient, 3),
            lambda: impatient.registry.transition(version, "staging", "eve", "x"),
        ):
            with pytest.raises(DatabaseUnavailableError, match=r"locked.*re(try|peat)"):
                call()
        assert impatient.registry.get_production_model(NAME) == live, "reading goes on"
        assert impatient.registry.load_model(live)[1] == live
    assert set(actions(impatient, after=before)) <= {"dataset.unverified"}
    assert promote().generation == 2
    assert registered(impatient, 3).created


def test_a_process_that_dies_with_the_lock_gives_it_back(sqlite_url: str, tmp_path: Path) -> None:
    path = sqlite_url.removeprefix("sqlite:///")
    code = (
        "import sqlite3, os, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('BEGIN IMMEDIATE'); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], check=False, timeout=60)
    assert done.returncode == -9
    with Governance.open(database=sqlite_url, home=tmp_path / "home") as gov:
        assert registered(gov).created


@pytest.mark.parametrize("wrong", ["\ud800", "a\0b", 7, b"x", ["a"]])
def test_a_text_that_no_database_can_be_asked_for_is_a_typed_error(
    gov: Governance, wrong: Any
) -> None:
    with pytest.raises(NotFoundError):
        gov.promotion.decision(wrong)
    with pytest.raises(NotFoundError):
        gov.approvals.get(wrong)
    with pytest.raises(InvalidInputError):
        gov.promotion.decisions(operation=wrong)
    with pytest.raises(InvalidInputError):
        gov.shadow.list_shadow_models(wrong)


def test_a_text_that_is_not_utf8_has_no_hash() -> None:
    with pytest.raises(InvalidInputError, match="UTF-8"):
        sha256_of({"a": "\ud800"})
