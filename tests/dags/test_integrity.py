"""Every DAG file is known, reads without error, and keeps the rules of this project."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from governance.config import load_config
from governance_airflow.assets import severe_drift

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config" / "governance.yaml"
DECLARED = Path(__file__).with_name("governance.yaml")
FILES = {
    "deliver_alerts.py": {"deliver_alerts"},
    "drift_calibration.py": {"drift_calibration"},
    "drift_scan.py": {"drift_scan"},
    "force_promotion.py": {"force_promotion"},
    "health.py": {"health"},
    "promotion.py": {"promotion"},
    "retrain.py": {"retrain__momentum", "retrain__arrival_delay", "retrain__pivot"},
    "rollback.py": {"rollback"},
    "rollback_drill.py": {"rollback_drill"},
    "shadow_metrics.py": {"shadow_metrics"},
}
STEPS = ["check_data", "train", "register", "validate", "outcome"]


@pytest.fixture
def shipped(
    load_dags: Callable[[Path], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """The DAGs of this checkout, as its own configuration declares them."""
    monkeypatch.setenv("GOVERNANCE_CONFIG", str(CONFIG))
    return load_dags(ROOT / "dags")


def test_every_dag_file_is_listed_here_with_its_dags(shipped: dict[str, Any]) -> None:
    found: dict[str, set[str]] = {path.name: set() for path in (ROOT / "dags").glob("*.py")}
    for dag in shipped.values():
        found[Path(dag.fileloc).name].add(dag.dag_id)
    assert found == FILES


def retrain_dags(shipped: dict[str, Any]) -> dict[str, Any]:
    return {
        name.removeprefix("retrain__"): dag
        for name, dag in shipped.items()
        if name.startswith("retrain__")
    }


def test_one_retrain_dag_for_each_declared_model_and_none_else(shipped: dict[str, Any]) -> None:
    assert set(retrain_dags(shipped)) == set(load_config(CONFIG).models)


def test_the_steps_stand_in_one_line_and_end_in_one_of_two(shipped: dict[str, Any]) -> None:
    for dag in retrain_dags(shipped).values():
        for step, following in itertools.pairwise(STEPS):
            assert following in dag.task_dict[step].downstream_task_ids
        assert dag.task_dict["outcome"].downstream_task_ids == {"validated", "failed"}


def test_dags_are_documented_tagged_and_never_run_twice_at_once(shipped: dict[str, Any]) -> None:
    for name, dag in shipped.items():
        assert dag.doc_md and "The same without Airflow: `governance " in dag.doc_md
        assert dag.description
        # A promotion that waits for a person must not hold up the next one.
        assert (dag.max_active_runs == 1) == (name != "promotion")
        assert dag.catchup is False
        assert "governance" in dag.tags
        for task in dag.tasks:
            assert task.owner != "airflow"
            assert task.retries == 3
            assert task.execution_timeout is not None


def test_a_retrain_dag_is_described_and_owned_as_its_model_is(shipped: dict[str, Any]) -> None:
    declared = load_config(CONFIG).models
    for name, dag in retrain_dags(shipped).items():
        assert declared[name].description in dag.doc_md
        assert "retrain" in dag.tags
        assert {task.owner for task in dag.tasks} == {declared[name].owner}


def test_a_scan_is_hourly_and_may_be_backfilled_over_the_demos_year(
    shipped: dict[str, Any],
) -> None:
    dag = shipped["drift_scan"]
    assert type(dag.timetable).__name__ == "CronDataIntervalTimetable"
    assert (dag.timetable.expression, str(dag.timetable.timezone)) == ("0 * * * *", "UTC")
    assert dag.start_date.year <= 2013
    assert shipped["drift_calibration"].timetable.expression == "0 2 * * *"
    assert shipped["deliver_alerts"].timetable.expression == "*/5 * * * *"


def test_what_looks_after_versions_runs_daily_hourly_and_weekly(shipped: dict[str, Any]) -> None:
    lines = {
        name: shipped[name].timetable.expression
        for name in ("shadow_metrics", "health", "rollback_drill")
    }
    assert lines == {
        "shadow_metrics": "0 6 * * *",
        "health": "20 * * * *",
        "rollback_drill": "30 3 * * 1",
    }


def test_what_people_start_has_a_form_of_declared_models_and_no_schedule(
    shipped: dict[str, Any],
) -> None:
    for name in ("promotion", "force_promotion", "rollback"):
        assert type(shipped[name].timetable).__name__ == "NullTimetable"
        schema = shipped[name].params.get_param("model").schema
        assert schema["enum"] == sorted(load_config(CONFIG).models)


def test_a_model_is_retrained_by_its_cron_line_by_its_drift_by_either_or_on_request(
    load_dags: Callable[[Path], dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drift = {
        "live": {"kind": "function", "function": "tests.dags.live_model:hours"},
        "retrain_on_drift": "severe",
    }
    models = yaml.safe_load(DECLARED.read_text())["models"]
    declared = {
        "cron": models["tiny"],
        "asked": models["no_data"],
        "both": {**models["tiny"], "drift": drift},
        "drifted": {**models["no_data"], "drift": drift},
        "watched": {**models["no_data"], "drift": {**drift, "retrain_on_drift": "never"}},
    }
    file = tmp_path / "governance.yaml"
    file.write_text(json.dumps({"models": declared}))  # JSON is YAML without aliases
    monkeypatch.setenv("GOVERNANCE_CONFIG", str(file))
    found = load_dags(ROOT / "dags" / "retrain.py")
    kinds = {name: type(found[f"retrain__{name}"].timetable).__name__ for name in declared}
    assert kinds == {
        "cron": "CronDataIntervalTimetable",
        "asked": "NullTimetable",
        "both": "AssetOrTimeSchedule",
        "drifted": "AssetTriggeredTimetable",
        "watched": "NullTimetable",
    }
    for name in ("both", "drifted"):
        listens = found[f"retrain__{name}"].timetable.asset_condition
        assert listens == severe_drift(name)
    assert found["retrain__both"].timetable.timetable.expression == "0 6 * * 1-5"


def test_a_schedule_counts_in_the_models_own_time_zone_and_none_means_on_request(
    load_dags: Callable[[Path], dict[str, Any]],
) -> None:
    dags = load_dags(ROOT / "dags" / "retrain.py")
    timetable = dags["retrain__tiny"].timetable
    assert type(timetable).__name__ == "CronDataIntervalTimetable"
    assert (timetable.expression, str(timetable.timezone)) == ("0 6 * * 1-5", "Europe/Berlin")
    assert type(dags["retrain__no_data"].timetable).__name__ == "NullTimetable"


def test_a_broken_configuration_is_an_import_error_with_line_and_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, airflow_database: None
) -> None:
    from airflow.dag_processing.dagbag import DagBag

    broken = tmp_path / "governance.yaml"
    broken.write_text("models:\n  churn:\n    kind: classifier\n    colour: green\n")
    monkeypatch.setenv("GOVERNANCE_CONFIG", str(broken))
    bag = DagBag(dag_folder=str(ROOT / "dags" / "retrain.py"))
    (error,) = bag.import_errors.values()
    assert f"{broken}:4:5" in error
    assert "colour" in error


def test_reading_the_dag_files_takes_under_a_second_and_no_training_library() -> None:
    # Processor time, not the clock: this machine may be busy with other tests.
    program = """
import json, sys, time
import airflow.sdk, airflow.sdk.exceptions, airflow.dag_processing.dagbag
began = time.process_time()
import runpy
for file in sys.argv[1:]:
    runpy.run_path(file)
heavy = {"lightgbm", "sklearn", "scipy", "pandas", "pyarrow"}
print(json.dumps([time.process_time() - began, sorted(heavy & set(sys.modules))]))
"""
    files = [str(path) for path in sorted((ROOT / "dags").glob("*.py"))]
    done = subprocess.run(
        [sys.executable, "-c", program, *files],
        env={
            **os.environ,
            "GOVERNANCE_CONFIG": str(CONFIG),
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'plugins'}",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, heavy = json.loads(done.stdout.splitlines()[-1])
    assert heavy == []
    assert seconds < 1.0


def test_the_plugin_loader_takes_the_plugin_and_leaves_the_package_alone() -> None:
    program = """
import json, sys
from airflow import plugins_manager
plugins, errors = plugins_manager._get_plugins()
import governance_airflow.operators
print(json.dumps([[p.name for p in plugins if "governance" in p.name], dict(errors),
                  [m for m in ("operators", "connection", "run_facts") if m in sys.modules]]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    names, errors, bare = json.loads(done.stdout.splitlines()[-1])
    assert names == ["governance"]
    assert errors == {}
    assert bare == []
