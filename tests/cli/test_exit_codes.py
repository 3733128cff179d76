"""Every exit code of the command line, each by a command that ends with it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from governance import errors
from tests.cli.conftest import Run
from tests.model_bytes import KILLER, model_bytes, model_file


@pytest.fixture
def artifact(tmp_path: Path) -> str:
    return str(model_file(tmp_path))


@pytest.fixture
def registered(run: Run, artifact: str) -> str:
    said = run(
        "registry", "register", "momentum", artifact, "--model-type", "lightgbm", "-o", "json"
    )
    assert said.code == 0
    return str(said.json["artifact_path"])


def test_0_when_it_worked(run: Run, registered: str) -> None:
    assert run("registry", "show", "momentum:1.0.0").code == 0
    assert run("validate", "momentum:1.0.0").code == 0


def test_1_when_there_is_no_such_thing(run: Run) -> None:
    said = run("registry", "show", "momentum:1.0.0")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("error [not_found]: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("registry", "show"),
        ("registry", "show", "../etc"),
        ("registry", "list", "--limit", "0"),
        ("registry", "list", "--stage", "live"),
        ("registry", "list", "../etc"),
        ("registry", "list", "--cursor", "x"),
        ("registry", "register", "momentum", "/no/such/file", "--model-type", "x"),
        ("validate", "momentum:1.0.0", "--at", "yesterday"),
        ("validate", "momentum:1.0.0", "--at", "2018-01-01T00:00:00"),
        ("promotion", "promote", "momentum"),
        ("no-such-noun",),
        ("--database", "mysql://db/x", "registry", "list"),
        ("config", "check"),
        ("audit", "checkpoint", "out.json"),
    ],
    ids=" ".join,
)
def test_2_when_it_was_asked_wrongly(run: Run, arguments: tuple[str, ...]) -> None:
    said = run(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err


def test_3_when_the_number_belongs_to_other_bytes(
    run: Run, registered: str, tmp_path: Path
) -> None:
    other = str(model_file(tmp_path, 1))
    said = run("registry", "register", "momentum", other, "--model-type", "x", "--version", "1.0.0")
    assert said.code == 3 and "version_exists" in said.err


def test_3_when_somebody_activated_first(run: Run, registered: str) -> None:
    assert run("validate", "momentum:1.0.0").code == 0
    said = run(
        *("promotion", "promote", "momentum:1.0.0", "--force", "--reason", "initial"),
        *("--expected-generation", "4"),
    )
    assert said.code == 3 and "stale_generation" in said.err


def test_4_when_a_promotion_lacks_evidence(run: Run, registered: str) -> None:
    assert run("validate", "momentum:1.0.0").code == 0
    said = run("promotion", "promote", "momentum:1.0.0")
    assert said.code == 4 and "gate_failed" in said.err


def test_3_when_validation_fails(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "killer.txt"
    path.write_bytes(KILLER)
    assert run("registry", "register", "momentum", str(path), "--model-type", "lightgbm").code == 0
    said = run("validate", "momentum:1.0.0", "--output", "json")
    assert said.code == 3
    assert said.json["verdict"] == "fail"


def test_4_when_evidence_is_missing(run: Run, home: Path, registered: str) -> None:
    packaged = Path(__file__).parents[2] / "config" / "governance.yaml"
    (home / "config").mkdir(exist_ok=True)
    shutil.copy(packaged, home / "config" / "governance.yaml")
    said = run("validate", "momentum:1.0.0", "--output=json")
    assert said.code == 4
    assert said.json["verdict"] == "insufficient"


def test_5_when_bytes_changed(run: Run, home: Path, registered: str) -> None:
    assert run("validate", "momentum:1.0.0").code == 0
    (home / registered / "model.txt").write_bytes(model_bytes(9))
    said = run("promotion", "promote", "momentum:1.0.0", "--force", "--reason", "x")
    assert said.code == 5 and "artifact_integrity" in said.err


def test_5_when_the_log_was_changed_and_the_entry_is_named(
    run: Run, home: Path, registered: str
) -> None:
    assert run("audit", "verify").code == 0
    file = sqlite3.connect(home / "governance.db")
    for (name,) in file.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_log'"
    ).fetchall():
        file.execute(f"DROP TRIGGER {name}")
    file.execute("UPDATE audit_log SET actor = 'nobody' WHERE seq = 1")
    file.commit()
    file.close()
    said = run("audit", "verify", "-o", "json")
    assert (said.code, said.out) == (5, "")
    problem = json.loads(said.err)
    assert problem["code"] == "audit_chain" and "1" in problem["message"]


def test_6_is_kept_for_what_is_forbidden() -> None:
    assert errors.ForbiddenError.exit_code == 6


def test_7_when_the_database_cannot_be_reached(run: Run) -> None:
    said = run("--database", "postgresql://ann:hunter2@127.0.0.1:1/x", "registry", "list")
    assert said.code == 7 and "database_unavailable" in said.err
    assert "hunter2" not in said.err + said.out


def test_an_error_is_one_json_object_on_stderr_where_json_was_asked(run: Run) -> None:
    for option in (("--output", "json"), ("--output=json",), ("-o", "json"), ("-ojson",)):
        said = run("registry", "show", "momentum:1.0.0", *option)
        assert (said.code, said.out) == (1, "")
        assert json.loads(said.err)["code"] == "not_found"


def test_a_process_of_its_own_says_the_same(home: Path) -> None:
    start = "from governance.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", start, "registry", "show", "momentum:1.0.0", "-o", "json"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert json.loads(done.stderr)["code"] == "not_found"
