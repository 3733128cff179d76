"""What each command does and shows: data on stdout, notes on stderr, JSON where asked."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from governance import Governance
from governance.config.policy_file import PolicyFile, load_policy
from governance.settings import Settings
from tests.cli.conftest import Run
from tests.model_bytes import model_bytes, model_file

CONFIG = Path(__file__).parents[2] / "config" / "governance.yaml"


def _register(run: Run, folder: Path, seed: int = 0, *more: str) -> dict[str, object]:
    said = run(
        *("registry", "register", "momentum", str(model_file(folder, seed))),
        *("--model-type", "lightgbm", "--output", "json", *more),
    )
    assert said.code == 0, said.err
    found: dict[str, object] = said.json
    return found


def test_help_waits_for_no_library(home: Path) -> None:
    heavy = "numpy pandas pyarrow scipy lightgbm matplotlib sqlalchemy pydantic cryptography"
    script = (
        "import sys; from governance.cli.app import app; import governance.cli.__main__;"
        f"print(sorted(set({heavy.split()!r}) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


def test_init_makes_a_home_once_and_then_leaves_it(run: Run, home: Path) -> None:
    first = run("init", "-o", "json")
    assert first.json["config_created"] is first.json["policy_created"] is True
    assert {p.name for p in home.iterdir()} >= {"models", "active", "staging", "config"}
    assert (home / "governance.db").is_file()
    assert load_policy(Settings.load(home=home)) == PolicyFile()
    own = {
        "governance.yaml": "models: {}\n# mine\n",
        "promotion_policy.yaml": "# mine\nmodels: {}\n",
    }
    for name, text in own.items():
        (home / "config" / name).write_text(text)
    again = run("init", "-o", "json").json
    assert again["config_created"] is again["policy_created"] is False
    for name, text in own.items():
        assert (home / "config" / name).read_text() == text
    assert run("config", "check").code == 0


def test_register_records_what_was_given_and_repeats_harmlessly(run: Run, tmp_path: Path) -> None:
    data = tmp_path / "rows.csv"
    data.write_text("close\n1.0\n")
    config = tmp_path / "config.json"
    config.write_text('{"leaves": 15}')
    given = (
        *("--dataset", str(data), "--feature", "close", "--config", str(config)),
        *("--metrics", '{"auc": 0.7}', "--tag", "b", "--tag", "a", "--description", "first"),
        *("--by", "eve", "--at", "2018-01-02T00:00:00Z"),
    )
    made = _register(run, tmp_path, 0, *given)
    assert (made["version"], made["created"], made["created_by"]) == ("1.0.0", True, "eve")
    assert (made["metrics"], made["tags"]) == ({"auc": 0.7}, ["a", "b"])
    assert made["registered_at"] == "2018-01-02T00:00:00.000000Z"
    shown = run("registry", "show", str(made["id"]), "-o", "json").json
    assert shown["manifest"]["dataset_hash"] and shown["manifest"]["config"] == {"leaves": 15}
    again = _register(run, tmp_path, 0, *given)
    assert (again["id"], again["created"]) == (made["id"], False)


def test_register_takes_its_person_from_the_environment(run: Run, tmp_path: Path) -> None:
    assert _register(run, tmp_path)["created_by"] == "ann"


def test_register_writes_the_index_too(run: Run, home: Path, tmp_path: Path) -> None:
    made = _register(run, tmp_path)
    index = json.loads((home / "models" / "registry_index.json").read_bytes())
    assert list(index["models"]) == [made["id"]]


def test_register_refuses_json_that_is_none(run: Run, tmp_path: Path) -> None:
    path = str(model_file(tmp_path))
    for metrics in ("{", "[1]", "7", '{"auc": NaN}'):
        said = run("registry", "register", "m", path, "--model-type", "x", "--metrics", metrics)
        assert (said.code, said.out) == (2, "")
    said = run("registry", "register", "m", path, "--model-type", "x", "--config", "/no/file")
    assert said.code == 2


def test_list_pages_filter_and_empty(run: Run, tmp_path: Path) -> None:
    empty = run("registry", "list")
    assert (empty.code, empty.out) == (0, "")
    assert "nothing is registered" in empty.err
    for seed in range(3):
        _register(run, tmp_path, seed, "--tag", f"t{seed}")
    page = run("registry", "list", "--limit", "2", "-o", "json").json
    assert [item["version"] for item in page["items"]] == ["1.0.2", "1.0.1"]
    rest = run("registry", "list", "--cursor", page["next_cursor"], "-o", "json").json
    assert ([item["version"] for item in rest["items"]], rest["next_cursor"]) == (["1.0.0"], None)
    tagged = run("registry", "list", "momentum", "--tag", "t1", "--active", "-o", "json").json
    assert [item["version"] for item in tagged["items"]] == ["1.0.1"]
    table = run("registry", "list").out
    assert all(number in table for number in ("1.0.0", "1.0.1", "1.0.2"))


def test_a_version_from_registration_to_production(run: Run, tmp_path: Path) -> None:
    _register(run, tmp_path)
    judged = run("validate", "momentum:1.0.0", "-o", "json")
    assert (judged.code, judged.json["verdict"]) == (0, "pass")
    promoted = run(
        *("promotion", "promote", "momentum:1.0.0", "--force", "--reason", "initial"),
        *("--expected-generation", "0", "--idempotency-key", "k", "-o", "json"),
    )
    assert (promoted.code, promoted.json["forced"], promoted.json["generation"]) == (0, True, 1)
    assert promoted.json["eligible"] is False
    again = run(
        *("promotion", "promote", "momentum:1.0.0", "--force", "--reason", "initial"),
        *("--expected-generation", "0", "--idempotency-key", "k", "-o", "json"),
    )
    assert again.json["id"] == promoted.json["id"]
    shown = run("registry", "show", "momentum@production", "-o", "json").json
    assert (shown["version"], shown["stage"]) == ("1.0.0", "production")
    (row,) = run("promotion", "history", "momentum", "-o", "json").json["items"]
    assert (row["generation"], row["by"], row["reason"]) == (1, "ann", "initial")
    assert "ever in production" in run("promotion", "history", "unknown").err
    listed = run("audit", "list", "--model", "momentum", "-o", "json").json["items"]
    assert [entry["seq"] for entry in listed] == list(range(1, len(listed) + 1))


def test_audit_pages_and_filters(run: Run, tmp_path: Path) -> None:
    for seed in range(3):
        _register(run, tmp_path, seed)
    after = run("audit", "list", "--after", "1", "--limit", "1", "-o", "json").json["items"]
    assert [entry["seq"] for entry in after] == [2]
    none = run("audit", "list", "--action", "stage.changed", "-o", "json").json["items"]
    assert none == []
    everyone = run("audit", "list", "-o", "json").json["items"]
    who = everyone[0]["actor"]
    assert run("audit", "list", "--actor", who, "-o", "json").json["items"] == everyone
    assert run("audit", "list", "--actor", who + "x", "-o", "json").json["items"] == []
    assert run("audit", "list", "--actor", "\ud800").code == 2
    assert "--after 2" in run("audit", "list", "--limit", "2").err


def test_a_checkpoint_sees_a_cut_tail(run: Run, home: Path, tmp_path: Path) -> None:
    key, point = tmp_path / "key.pem", tmp_path / "point.json"
    assert run("audit", "keygen", str(key)).code == 0
    assert key.stat().st_mode & 0o777 == 0o600
    assert run("audit", "keygen", str(key)).code != 0, "a key is never written over"
    _register(run, tmp_path)
    shutil.copy(home / "governance.db", tmp_path / "earlier.db")
    with Governance.open(home=home) as gov:
        gov.registry.transition("momentum:1.0.0", "validated", "eve", "x")
    assert run("audit", "checkpoint", str(point), "--key", str(key)).code == 0
    pinned = ("--checkpoint", str(point), "--public-key", f"{key}.pub")
    good = run("audit", "verify", *pinned, "-o", "json")
    assert good.json["intact"] is True and good.json["anchored"] is True
    for name in ("governance.db", "governance.db-wal", "governance.db-shm"):
        (home / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "earlier.db", home / "governance.db")
    assert run("audit", "verify").code == 0, "without a checkpoint nobody can see it"
    said = run("audit", "verify", *pinned)
    assert said.code == 5 and "tail was cut" in said.err


def test_a_checkpoint_is_replaced_only_by_one_of_the_same_log_grown_on(
    run: Run, home: Path, tmp_path: Path
) -> None:
    key, point, copy = (tmp_path / name for name in ("key.pem", "point.json", "copy.json"))
    assert run("audit", "keygen", str(key)).code == 0
    sign = ("audit", "checkpoint", str(point), "--key", str(key), "-o", "json")
    _register(run, tmp_path)
    assert run(*sign).json["seq"] == 1
    _register(run, tmp_path, 1)
    assert run(*sign).json["seq"] == 2, "the log grew"
    assert run(*sign).json["seq"] == 2, "or stayed"
    good = point.read_bytes()
    copy.write_bytes(good)
    elsewhere = ("audit", "checkpoint", str(tmp_path / "new.json"), "--key", str(key))
    assert run(*elsewhere, "--previous", str(copy)).code == 0
    (tmp_path / "new.json").unlink()
    file = sqlite3.connect(home / "governance.db")
    file.execute("DROP TRIGGER audit_log_no_delete")
    file.execute("DELETE FROM audit_log WHERE seq = 2")
    file.commit()
    file.close()
    assert run("audit", "verify").code == 0, "the chain alone does not show it"
    for command in (sign, (*elsewhere, "--previous", str(copy))):
        said = run(*command)
        assert said.code == 5 and "tail was cut" in said.err
    _register(run, tmp_path, 2)  # as long as it was, and another
    for command in (sign, (*elsewhere, "--previous", str(copy))):
        said = run(*command)
        assert said.code == 5 and "rewritten" in said.err
    assert point.read_bytes() == good and not (tmp_path / "new.json").exists()
    assert run("audit", "keygen", str(tmp_path / "other.pem")).code == 0
    said = run("audit", "checkpoint", str(point), "--key", str(tmp_path / "other.pem"))
    assert said.code == 5 and "names key" in said.err
    copy.write_text("a letter to my aunt")
    said = run("audit", "checkpoint", str(copy), "--key", str(key))
    assert said.code == 5 and copy.read_text() == "a letter to my aunt"
    assert point.read_bytes() == good


def test_the_settings_pin_the_key_of_checkpoints(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, point = tmp_path / "key.pem", tmp_path / "point.json"
    assert run("audit", "keygen", str(key)).code == 0
    assert run("audit", "checkpoint", str(point), "--key", str(key)).code == 0
    said = run("audit", "verify", "--checkpoint", str(point))
    assert said.code == 5 and "GOVERNANCE_CHECKPOINT_PUBLIC_KEY_FILE" in said.err
    monkeypatch.setenv("GOVERNANCE_CHECKPOINT_PUBLIC_KEY_FILE", f"{key}.pub")
    assert run("audit", "verify", "--checkpoint", str(point)).code == 0


def test_gc_names_what_it_would_remove_and_removes_it(run: Run, home: Path) -> None:
    with Governance.open(home=home) as gov:
        place = "models/momentum/2018-01-02/0123456789ab"
        staged = gov.artifacts.stage({"model.txt": model_bytes()})
        folder = gov.artifacts.publish(staged, relative_path=place, documents={})
    long_ago = time.time() - 7200
    os.utime(folder, (long_ago, long_ago))
    listed = run("registry", "gc", "--dry-run", "-o", "json").json["items"]
    assert listed == [{"path": place, "what": "orphan", "removed": False}]
    assert folder.exists()
    assert run("registry", "gc", "-o", "json").json["items"] == [
        {"path": place, "what": "orphan", "removed": True}
    ]
    assert not folder.exists()
    assert "nothing to remove" in run("registry", "gc").err


def test_reconcile_writes_lost_files_again(run: Run, home: Path, tmp_path: Path) -> None:
    made = _register(run, tmp_path)
    meta = home / str(made["artifact_path"]) / "meta.json"
    before = meta.read_bytes()
    meta.unlink()
    checked = run("reconcile", "--check", "-o", "json")
    assert checked.code == 3 and checked.json["files_written"] == 0
    assert "mended" not in checked.json and "mended" not in run("reconcile", "--check").out
    done = run("reconcile", "-o", "json").json
    assert done["files_written"] == 2 and done["mended"] == checked.json["differ"]
    assert len(done["mended"]) == 1 and run("reconcile", "--check").code == 0
    assert meta.read_bytes() == before


def test_db_current_and_upgrade(run: Run, home: Path) -> None:
    fresh = run("db", "current", "-o", "json").json
    assert fresh["up_to_date"] is False and fresh["current"] is None
    assert run("db", "upgrade", "-o", "json").json["changed"] is True
    assert run("db", "upgrade", "-o", "json").json["changed"] is False
    assert run("db", "current", "-o", "json").json["up_to_date"] is True


def test_the_database_of_another_product_is_neither_upgraded_nor_opened(
    run: Run, tmp_path: Path
) -> None:
    theirs = tmp_path / "airflow.db"
    with sqlite3.connect(theirs) as file:
        file.execute("CREATE TABLE alembic_version (version_num TEXT)")
    file.close()
    before = theirs.read_bytes()
    for command in (("db", "upgrade"), ("registry", "list")):
        answer = run("--database", f"sqlite:///{theirs}", *command)
        assert answer.code == 3 and "alembic_version" in answer.err, command
        assert "a database of their own" in answer.err
    said = run("--database", f"sqlite:///{theirs}", "db", "current")
    assert "name another one" in said.err and "db upgrade" not in said.err
    with sqlite3.connect(theirs) as file:
        assert file.execute("SELECT name FROM sqlite_master").fetchall() == [("alembic_version",)]
    file.close()
    assert len(theirs.read_bytes()) == len(before)


def test_config_check_shows_every_declared_model(run: Run) -> None:
    said = run("config", "check", str(CONFIG), "-o", "json")
    assert said.code == 0
    models = {row["model"] for row in said.json["items"]}
    assert models == {"momentum", "arrival_delay", "pivot"}


def test_config_check_names_line_and_column(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "governance.yaml"
    path.write_text("models:\n  momentum:\n    knid: trading\n")
    said = run("config", "check", str(path))
    assert (said.code, said.out) == (2, "")
    assert "governance.yaml:3:5" in said.err and "did you mean 'kind'?" in said.err


def test_config_check_imports_what_is_named(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "governance.yaml"
    path.write_text(
        CONFIG.read_text().replace(
            "governance.training.sp500:bars", "governance.training.sp500:rabs"
        )
    )
    said = run("config", "check", str(path))
    assert said.code != 0 and "rabs" in said.err


def test_gc_and_reconcile_refuse_the_home_of_another_database(
    run: Run, home: Path, tmp_path: Path
) -> None:
    made = _register(run, tmp_path)
    wrong = ("--database", f"sqlite:///{tmp_path}/wrong.db")
    for command in (("registry", "gc", "--older-than-minutes", "0"), ("reconcile",)):
        said = run(*wrong, *command)
        assert (said.code, said.out) == (3, "")
        assert "GOVERNANCE_DATABASE_URL" in said.err
    assert run(*wrong, "reconcile", "--adopt").code == 3, "it has nothing to adopt it with"
    assert (home / str(made["artifact_path"])).is_dir()
    assert run("registry", "gc").code == 0
