"""What `governance doctor` says as a whole: nothing stops it, and nothing that is missing is ok."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from governance.doctor import (
    CHECKS,
    Finding,
    Installation,
    Status,
    database,
    examine,
    installation,
)
from governance.doctor.finding import ok
from governance.errors import SettingsError
from governance.settings import Settings
from governance.store.database import Database, database_time
from governance.store.migrate import HEAD
from governance.wiring import Governance
from tests.cli.conftest import Run, home, run
from tests.docs.pages import ROOT
from tests.doctor.conftest import said
from tests.model_bytes import model_file

__all__ = ["home", "run"]  # fixtures of the command line

SECRET = "a-password-nobody-may-see"


def findings(settings: Settings, **environment: str) -> list[Finding]:
    return list(examine(lambda: settings, environment))


def test_before_anything_exists_nothing_is_made_and_hardly_anything_ok(
    tmp_path: Path, run: Run, home: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    answer = run("doctor", "-o", "json")
    assert answer.code == 1
    assert answer.json["status"] == "problem"
    by_name = {one["check"]: one for one in answer.json["checks"]}
    assert set(CHECKS) <= set(by_name)
    assert by_name["database"]["status"] == by_name["home"]["status"] == "problem"
    for check in ("schema", "clock", "files", "rights", "outbox"):
        assert by_name[check]["status"] == "unknown", check
    for one in by_name.values():
        assert bool(one["remedy"]) == bool(one["verify"]) == (one["status"] != "ok"), one
    assert sorted(tmp_path.rglob("*")) == before


def test_an_installation_that_was_made_has_no_problem(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")
    assert run("init").code == 0
    answer = run("doctor")
    assert answer.code == 0, answer.out
    assert "governance.yaml" in answer.out and "declares no model" in answer.out
    assert "keys: make one and sign on a schedule" in answer.err


def test_people_and_programs_are_told_the_same(run: Run, home: Path) -> None:
    rows = run("doctor", "-o", "json").json["checks"]
    table = run("doctor").out
    for row in rows:
        assert row["check"] in table and row["status"] in table


def test_on_both_databases_what_is_there_is_looked_at(gov: Governance, tmp_path: Path) -> None:
    gov.registry.register_model(
        "momentum", model_path=str(model_file(tmp_path)), model_type="lightgbm", created_by="ann"
    )
    gov.files.catch_up()
    found = said(findings(gov.settings))
    for check in ("database", "database place", "schema", "clock", "home", "files", "rights"):
        assert found[check] is Status.OK, check


def test_the_database_is_down_and_everything_else_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    url = f"postgresql://ann:{SECRET}@127.0.0.1:1/governance"
    found = findings(Settings.load(home=tmp_path / "home", database_url=url))
    status = said(found)
    assert status["database"] is Status.PROBLEM
    assert status["schema"] is status["rights"] is Status.UNKNOWN
    assert status["home"] is Status.OK and status["policy"] is Status.WARNING
    assert SECRET not in repr(found)


def test_settings_that_cannot_be_taken_are_the_finding() -> None:
    def load() -> Settings:
        raise SettingsError("GOVERNANCE_ALLOW_PICKLE: no boolean")

    (found,) = examine(load, {})
    assert found.status is Status.PROBLEM and "ALLOW_PICKLE" in found.found


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "governance.db").write_bytes(b"this is a text, and no database at all" * 100)
    found = {one.check: one for one in findings(Settings.load(home=tmp_path))}
    assert found["database"].status is Status.PROBLEM
    assert found["schema"].status is Status.UNKNOWN


def test_an_older_and_a_newer_schema(empty_database_url: str, tmp_path: Path) -> None:
    with Governance.open(database=empty_database_url, home=tmp_path):
        pass
    opened = Database(empty_database_url)
    settings = Settings.load(home=tmp_path, database_url=empty_database_url)
    for revision, remedy in (("0001", "governance db upgrade"), ("9999", "release")):
        with opened.begin() as tx:
            tx.execute(text(f"UPDATE governance_alembic_version SET version_num = '{revision}'"))
        found = {one.check: one for one in findings(settings)}
        assert found["schema"].status is Status.PROBLEM
        assert revision in found["schema"].found and HEAD in found["schema"].found
        assert remedy in found["schema"].remedy
        assert found["files"].status is found["outbox"].status is Status.UNKNOWN
    opened.close()


def test_the_database_of_another_product_is_not_to_be_upgraded(
    empty_database_url: str, tmp_path: Path
) -> None:
    opened = Database(empty_database_url)
    settings = Settings.load(home=tmp_path, database_url=empty_database_url)
    with opened.begin() as tx:
        tx.execute(text("CREATE TABLE dag (dag_id VARCHAR(9))"))
    found = {one.check: one for one in findings(settings)}["schema"]
    assert found.status is Status.PROBLEM and "the table dag is there" in found.found
    assert "of its own" in found.remedy
    opened.close()


def test_a_table_that_is_missing_is_seen_whatever_the_revision_says(
    empty_database_url: str, tmp_path: Path
) -> None:
    with Governance.open(database=empty_database_url, home=tmp_path):
        pass
    opened = Database(empty_database_url)
    with opened.begin() as tx:
        tx.execute(text("DROP TABLE shadow_sessions"))
    settings = Settings.load(home=tmp_path, database_url=empty_database_url)
    found = {one.check: one for one in findings(settings)}
    assert found["schema"].status is Status.PROBLEM
    assert "the table shadow_sessions is missing" in found["schema"].found
    assert "backup" in found["schema"].remedy
    assert found["outbox"].status is Status.UNKNOWN
    opened.close()


@pytest.mark.parametrize(
    ("seconds", "status", "word"),
    [(-60, Status.WARNING, "behind"), (60, Status.WARNING, "ahead"), (0, Status.OK, "agree")],
)
def test_a_server_whose_clock_is_another(
    postgres_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seconds: int,
    status: Status,
    word: str,
) -> None:
    apart = timedelta(seconds=seconds)
    monkeypatch.setattr(
        database, "database_time", lambda connection: database_time(connection) + apart
    )
    settings = Settings.load(home=tmp_path, database_url=postgres_url)
    (found,) = database.clock(Installation(settings, {}))
    assert found.status is status and word in found.found


def test_a_server_that_takes_no_writes(postgres_url: str, tmp_path: Path) -> None:
    given = {"options": "-c default_transaction_read_only=on"}
    url = make_url(postgres_url).update_query_dict(given).render_as_string(hide_password=False)
    settings = Settings.load(home=tmp_path, database_url=url)
    (found,) = database.database(Installation(settings, {}))
    assert found.status is Status.PROBLEM and "takes no writes" in found.found


def test_a_check_that_fails_or_hangs_stops_no_other(tmp_path: Path) -> None:
    gone = threading.Event()

    def hangs(_: Installation) -> Iterator[Finding]:
        gone.wait(60)
        yield ok("hangs", "")

    def fails(_: Installation) -> list[Finding]:
        raise ValueError(SECRET)

    def works(_: Installation) -> Iterator[Finding]:
        yield ok("works", "looked at")

    checks = {"hangs": hangs, "fails": fails, "works": works}
    found = list(examine(lambda: Settings.load(home=tmp_path), {}, seconds=0.05, checks=checks))
    gone.set()
    assert said(found) == {
        "hangs": Status.PROBLEM,
        "fails": Status.UNKNOWN,
        "works": Status.OK,
    }
    assert SECRET not in repr(found) and "ValueError" in found[1].found


def test_a_path_that_may_not_be_entered_is_a_problem_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(self: Path, *_: object, **__: object) -> bool:
        if self.is_relative_to(tmp_path):
            raise PermissionError(13, "Permission denied")
        return False

    settings = Settings.load(home=tmp_path / "home")
    monkeypatch.setattr(Path, "is_file", refuses)
    monkeypatch.setattr(Path, "is_dir", refuses)
    found = {one.check: one for one in findings(settings)}
    for check in ("database", "home"):
        assert found[check].status is Status.PROBLEM
        assert "Permission denied" in found[check].found
    assert found["schema"].status is found["rights"].status is Status.UNKNOWN


def test_a_database_that_somebody_holds(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "PATIENCE", 0.05)
    holder = Database(sqlite_url)
    with holder.begin():
        (found, *_) = examine(
            lambda: Settings.load(home=tmp_path, database_url=sqlite_url),
            {},
            checks={"database": CHECKS["database"]},
        )
    holder.close()
    assert found.status is Status.PROBLEM and "locked" in found.found
    assert found.remedy and found.remedy not in found.found


def test_options_that_cannot_be_taken_are_a_finding_too(run: Run) -> None:
    answer = run("--database", "mysql://db/x", "doctor", "-o", "json")
    assert answer.code == 1
    assert [one["check"] for one in answer.json["checks"]] == ["settings"]


def test_the_page_names_every_check() -> None:
    page = (ROOT / "docs" / "how-to" / "add-it-to-your-deployment.md").read_text(encoding="utf-8")
    table = page.partition("| check | asks |")[2]
    assert re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE) == list(CHECKS)


def test_the_page_tells_the_reader_where_each_file_goes() -> None:
    page = (ROOT / "docs/how-to/add-it-to-your-deployment.md").read_text(encoding="utf-8")
    names = re.findall(r"^```\w+ file=(\S+)", page, re.MULTILINE)
    prose = re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)
    assert len(names) == 3
    assert not [name for name in names if f"`{name}`" not in prose]  # what follows ``` is not shown
