"""Settings: defaults without a server, mistakes refused by variable, no secret in any text."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance import Governance
from governance.errors import ConfigError, SettingsError
from governance.settings import Settings
from governance.store.database import Database
from tests.versions import registered

SECRET = "Tr0ub4dor&3"


def test_the_default_is_sqlite_in_the_home(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path)
    assert settings.url == f"sqlite:///{tmp_path}/governance.db"
    assert settings.config_path == tmp_path / "config" / "governance.yaml"


def test_what_is_given_beats_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOVERNANCE_HOME", "/nowhere")
    assert Settings.load(home=tmp_path).home == tmp_path
    assert Settings.load().home == Path("/nowhere")


def test_an_empty_variable_counts_as_not_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "CONFIG", "DATABASE_URL", "ALLOW_PICKLE"):
        monkeypatch.setenv(f"GOVERNANCE_{name}", "")
    settings = Settings.load()
    assert settings.home == tmp_path / ".governance"
    assert settings.config is None and not settings.allow_pickle


@pytest.mark.parametrize("url", ["postgres://ann@db/x", "postgresql://ann@db/x"])
def test_the_driver_is_ours_whatever_the_url_says(url: str, tmp_path: Path) -> None:
    assert Settings.load(home=tmp_path, database_url=url).url == "postgresql+psycopg://ann@db/x"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://svc@db.example:{SECRET}/governance",
        f"postgresql://svc:{SECRET}@db.example:5x/governance",
        f"mysql://svc:{SECRET}@db.example/governance",
        f"postgresql://svc:{SECRET}@[::1/governance",
        f"postgresql+asyncpg://svc:{SECRET}@db.example/governance",
        f"postgresql+psycopg2://svc:{SECRET}@db.example/governance",
        f"postgres+psycopg://svc:{SECRET}@db.example/governance",
        f"sqlite+aiosqlite:////{SECRET}/governance.db",
        f"sqlite:////{SECRET}\0/governance.db",
        "sqlite://",
        f"no url {SECRET}",
    ],
)
def test_a_url_that_cannot_be_taken_is_refused_without_its_password(
    url: str, tmp_path: Path
) -> None:
    for take in (lambda: Settings.load(home=tmp_path, database_url=url), lambda: Database(url)):
        with pytest.raises(SettingsError, match="sqlite:////path/governance.db") as caught:
            take()
        assert SECRET not in str(caught.value)
        assert caught.value.__cause__ is None  # a traceback would show it


def test_a_setting_out_of_range_is_named_by_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOVERNANCE_PROBE_CPU_SECONDS", "0")
    with pytest.raises(SettingsError, match="GOVERNANCE_PROBE_CPU_SECONDS"):
        Settings.load(home=tmp_path)


def test_a_repr_shows_no_password(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path, database_url=f"postgresql://ann:{SECRET}@db/x")
    assert SECRET not in repr(settings)


def test_a_configuration_that_somebody_named_must_exist(tmp_path: Path) -> None:
    """Else one wrong letter in a path would switch every declared limit off."""
    settings = Settings.load(home=tmp_path, config=tmp_path / "goverance.yaml")
    with Governance.open(settings=settings) as gov:
        with pytest.raises(ConfigError, match="does not exist"):
            _ = gov.config
        with pytest.raises(ConfigError, match="does not exist"):
            registered(gov)
        assert not gov.registry.list_models()
    with Governance.open(home=tmp_path / "other") as gov:
        assert not gov.config.models


@pytest.mark.parametrize(
    "name", ["home", "config", "checkpoint_key_file", "checkpoint_public_key_file"]
)
def test_a_relative_path_counts_from_where_the_settings_were_loaded(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"GOVERNANCE_{name.upper()}", "there/it")
    monkeypatch.setenv("HOME", str(tmp_path / "ann"))
    settings = Settings.load()
    assert getattr(Settings.load(**{name: "~/it"}), name) == tmp_path / "ann" / "it"
    monkeypatch.chdir("/")
    assert getattr(settings, name) == tmp_path / "there" / "it"
    for bad in ("a\0b", "~nobody-of-this-name/x"):
        with pytest.raises(SettingsError, match=f"GOVERNANCE_{name.upper()}"):
            Settings.load(**{name: bad})


@pytest.mark.parametrize("url", ["sqlite+pysqlite:////x/y.db", "postgresql+psycopg://ann@db/x"])
def test_our_own_drivers_may_be_named(url: str, tmp_path: Path) -> None:
    assert Settings.load(home=tmp_path, database_url=url).url == url.replace("+pysqlite", "")
