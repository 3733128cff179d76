"""docker-compose.yaml starts only what exists here, with no password that works and no root.

The file is read and compared with this installation; containers are not started.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy.engine import make_url

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docker-compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {"init", "api-server", "scheduler", "dag-processor", "triggerer", "worker"}
VARIABLE = re.compile(r"\$\{(\w+)(:\?|:-)?[^}]*\}")


def filled_in(value: str) -> str:
    return VARIABLE.sub(lambda match: f"<{match.group(1)}>", value)


def words(command: list[str] | str) -> str:
    return command if isinstance(command, str) else " ".join(command)


def test_the_production_shape_is_there() -> None:
    assert set(SERVICES) == OURS | {"airflow-db", "governance-db", "redis", "mail"}
    environment = SERVICES["worker"]["environment"]
    assert environment["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"init"}))
def test_every_lasting_service_has_a_health_check(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"] and check["interval"] and check["retries"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_nothing_runs_as_root(name: str) -> None:
    assert str(SERVICES[name]["user"]).split(":")[0] not in ("", "0", "root")


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_nothing_is_published_beyond_this_machine(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("127.0.0.1:")


def test_no_secret_has_a_default_and_each_is_asked_for() -> None:
    uses = [match.groups() for match in VARIABLE.finditer(TEXT)]
    asked = {name for name, kind in uses if kind == ":?"}
    defaulted = {name for name, kind in uses if kind == ":-"}
    assert defaulted == {"PORT", "BASE_URL", "REQUIREMENTS"}
    assert {name for name, _ in uses} == asked | defaulted  # none may be silently empty
    template = (ROOT / ".env.example").read_text()
    lines = [line for line in template.splitlines() if line and not line.startswith("#")]
    assert sorted(lines) == sorted(f"{name}=" for name in asked)  # once each, and empty


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_password_and_key_comes_from_the_environment(name: str) -> None:
    for key, value in SERVICES[name].get("environment", {}).items():
        if re.search(r"PASSWORD|SECRET|FERNET|_CONN$|BROKER|BACKEND|GOVERNANCE_DB", key):
            assert VARIABLE.search(value), key
        for credentials in re.findall(r"://[^/@:]*:([^@]*)@", value):
            assert VARIABLE.fullmatch(credentials), key


def test_everything_waits_for_the_schemas() -> None:
    for name in OURS - {"init"}:
        needs = SERVICES[name]["depends_on"]
        assert needs == {"init": {"condition": "service_completed_successfully"}}
    waits = SERVICES["init"]["depends_on"]
    assert all(waits[name] == {"condition": "service_healthy"} for name in waits)
    assert "governance db upgrade" in words(SERVICES["init"]["command"])


def test_each_command_job_and_option_exists_in_this_airflow(tmp_path: Path) -> None:
    commands = [SERVICES[name]["command"] for name in sorted(OURS - {"init"})]
    script = SERVICES["init"]["command"][-1].replace("\\\n", " ")
    commands += [
        shlex.split(command)
        for line in script.splitlines()
        for command in re.split(r"\|\|?", line)
        if command.strip().startswith("airflow")
    ]
    assert len(commands) == len(OURS) + 2  # migrate, list users, create one
    checks = [words(SERVICES[name]["healthcheck"]["test"]) for name in sorted(OURS - {"init"})]
    jobs = sorted({job for check in checks for job in re.findall(r"--job-type (\w+)", check)})
    program = """
import importlib, json, sys
from airflow.cli import cli_parser
from airflow.configuration import conf
asked = json.load(sys.stdin)
parser = cli_parser.get_parser()
for command in asked["commands"]:
    assert command[0] == "airflow"
    parser.parse_args(command[1:])
from airflow.jobs.dag_processor_job_runner import DagProcessorJobRunner
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.jobs.triggerer_job_runner import TriggererJobRunner
runners = (DagProcessorJobRunner, SchedulerJobRunner, TriggererJobRunner)
assert sorted(r.job_type for r in runners) == asked["jobs"]
for option in asked["options"]:
    section, _, key = option.removeprefix("AIRFLOW__").lower().partition("__")
    assert key in conf.configuration_description[section]["options"], option
for path in asked["objects"]:
    module, _, name = path.rpartition(".")
    getattr(importlib.import_module(module), name)
"""
    environment = SERVICES["worker"]["environment"]
    asked = {
        "commands": commands,
        "jobs": jobs,
        "options": [key for key in environment if key.startswith("AIRFLOW__")],
        "objects": [
            environment["AIRFLOW__CORE__AUTH_MANAGER"],
            "airflow.providers.celery.executors.celery_executor.app",
        ],
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(asked),
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith("AIRFLOW")},
            "AIRFLOW_HOME": str(tmp_path),
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",  # its commands are known only then
            "AIRFLOW__CORE__AUTH_MANAGER": environment["AIRFLOW__CORE__AUTH_MANAGER"],
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_connection_to_our_database_is_one_that_tasks_understand() -> None:
    from governance_airflow.connection import CONNECTION_ID

    key = f"AIRFLOW_CONN_{CONNECTION_ID.upper()}"
    connection = json.loads(SERVICES["worker"]["environment"][key])
    assert connection["conn_type"] == "postgres"
    assert connection["host"] in SERVICES
    database = SERVICES[connection["host"]]["environment"]
    assert connection["login"] == database["POSTGRES_USER"]
    assert connection["schema"] == database["POSTGRES_DB"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_the_command_line_in_any_container_uses_the_database_that_tasks_use(name: str) -> None:
    from governance_airflow.connection import CONNECTION_ID

    environment = SERVICES[name]["environment"]
    connection = json.loads(environment[f"AIRFLOW_CONN_{CONNECTION_ID.upper()}"])
    url = make_url(filled_in(environment["GOVERNANCE_DATABASE_URL"]))
    assert (url.get_backend_name(), url.host) == ("postgresql", connection["host"])
    assert (url.username, url.database) == (connection["login"], connection["schema"])
    assert url.password == filled_in(connection["password"]) == "<GOVERNANCE_DB_PASSWORD>"


def test_every_volume_and_host_that_is_used_is_declared() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in COMPOSE["volumes"]
    for host in re.findall(r"@([a-z-]+)[:/]", json.dumps(SERVICES)):
        assert host in SERVICES


def test_the_image_is_built_from_the_lock_by_files_that_exist_and_runs_without_rights() -> None:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line.startswith("COPY") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
    assert "--require-hashes" in text
    build = SERVICES["worker"]["build"]
    asked = re.search(r":-([^}]+)\}", build["args"]["REQUIREMENTS"])
    named = re.search(r"^ARG REQUIREMENTS=(\S+)$", text, re.MULTILINE)
    assert asked and named
    # config/ in the image declares the demo's models: their data must be there.
    assert asked.group(1) == named.group(1) == "requirements-demo.txt"
    copied = {
        word for line in text.splitlines() if line.startswith("COPY") for word in line.split()
    }
    assert {"requirements.txt", "requirements-demo.txt"} <= copied
    users = re.findall(r"^USER (\S+)$", text, re.MULTILINE)
    assert users and users[-1] not in ("root", "0")
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    assert kept[0] == "*"  # what is not named stays out: .env, .airflow, .governance
    assert {"!requirements.txt", "!requirements-demo.txt"} <= set(kept)
