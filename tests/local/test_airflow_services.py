"""A real Airflow is started, used and stopped, on a port of its own, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import socket
import stat
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pytest
from rich.console import Console

from local import here
from local.airflow_rest import FINISHED, LOCKED_ATTEMPTS, AirflowRest
from local.airflow_services import (
    COMPONENTS,
    HEALTH,
    AirflowServices,
    Login,
)
from local.kept_alive import KeptAlive
from local.ports import asked_port, free_port
from local.processes import ServicesError
from local.retrain_demo import switched_on

DAG_FILE = """
import datetime
from airflow.sdk import Connection, CronDataIntervalTimetable, Param, dag, task
from governance.values import iso
from governance_airflow.assets import DRIFT_ALIAS, severe_drift
from governance_airflow.run_facts import RunFacts

AT = Param(None, type=["null", "string"], pattern="Z$")

@dag(schedule=None, start_date=datetime.datetime(2026, 1, 1), params={"at": AT})
def greeting():
    @task
    def said(dag_run=None):
        return dag_run.conf["word"]
    said()

greeting()

@dag(schedule=CronDataIntervalTimetable("0 * * * *", timezone="UTC"), max_active_runs=1,
     start_date=datetime.datetime(2013, 1, 1, tzinfo=datetime.UTC), catchup=False,
     end_date=datetime.datetime(2013, 12, 31, tzinfo=datetime.UTC))  # no run of today
def hourly():
    # Retries: SQLite may be locked for a moment.
    @task(outlets=[DRIFT_ALIAS], retries=3, retry_delay=datetime.timedelta(seconds=1))
    def seen(data_interval_end=None, outlet_events=None):
        at = iso(data_interval_end)
        outlet_events[DRIFT_ALIAS].add(severe_drift("m"), extra={"at": at})
        return [at, Connection.get("mailbox").port]
    seen()

hourly()

@dag(schedule=severe_drift("m"), start_date=datetime.datetime(2026, 1, 1), max_active_runs=1)
def heard():
    @task
    def evidence(dag_run=None):
        return iso(RunFacts.of(dag_run, owner="o").at)
    evidence()

heard()
"""


@pytest.fixture
def services(tmp_path: Path) -> AirflowServices:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "greeting.py").write_text(DAG_FILE)
    (tmp_path / "plugins").mkdir()
    return AirflowServices(
        tmp_path / "airflow",
        dags=tmp_path / "dags",
        plugins=tmp_path / "plugins",
        variables={"GOVERNANCE_HOME": str(tmp_path / "home")},
    )


@pytest.mark.slow
def test_airflow_starts_runs_a_dag_and_stops_completely(services: AirflowServices) -> None:
    with socket.socket() as taken:
        try:
            services.start()
            assert not services.running()  # nobody asked it to stay
            chosen = services.port
            taken.bind(("127.0.0.1", chosen))  # before Airflow does, which takes seconds to start
            taken.listen()
            services.wait(timeout=240)
            assert services.port > chosen
            with AirflowRest(services.login) as rest:
                while "greeting" not in rest.dag_ids():
                    services.check_alive()
                    assert rest.import_errors() == []
                    time.sleep(0.2)
                with pytest.raises(KeyError), switched_on(rest, ["greeting"]):
                    assert not rest.paused("greeting")
                    raise KeyError("whatever ends it")
                assert rest.paused("greeting")
                rest.pause("greeting", False)
                with switched_on(rest, ["greeting"]):
                    pass
                assert not rest.paused("greeting")  # somebody switched it on: it stays on
                wrong = rest.trigger("greeting", {})
                run = rest.trigger("greeting", {"word": "hello"})
                while rest.run_state("greeting", run) not in FINISHED:
                    services.check_alive()
                    time.sleep(0.2)
                assert rest.task_states("greeting", run) == {"said": "success"}
                assert rest.result("greeting", run, "said") == "hello"
                while rest.run_state("greeting", wrong) not in FINISHED:
                    services.check_alive()
                    time.sleep(0.2)
                assert rest.log_end("greeting", wrong, "said") == "KeyError: 'word'"
                with pytest.raises(ServicesError, match="answered 400"):
                    rest.trigger("greeting", {"word": "hello", "at": "yesterday"})
                _backfill_over_two_hours_tells_the_dag_that_listens(rest, services)
            pids = set(services.processes.alive().values())
            listening = {
                c.laddr.ip
                for p in pids
                for c in psutil.Process(p).net_connections("tcp")
                if c.status == psutil.CONN_LISTEN
            }
            assert listening == {"127.0.0.1"}
        finally:
            assert set(services.stop()) == set(COMPONENTS)
    assert not [p for p in psutil.process_iter() if _session_of(p.pid) in pids]


def _backfill_over_two_hours_tells_the_dag_that_listens(
    rest: AirflowRest, services: AirflowServices
) -> None:
    assert rest.connection("mailbox") is None
    for port in (25, 2525):  # the second replaces the first
        rest.set_connection({"connection_id": "mailbox", "conn_type": "smtp", "port": port})
    first = datetime(2013, 2, 8, 17, tzinfo=UTC)
    last = first + timedelta(hours=1)
    with switched_on(rest, ["hourly", "heard"]):
        for start in (first, last):  # the second runs what is done already again
            number = rest.backfill("hourly", start, last)
            while not rest.backfill_done(number):
                services.check_alive()
                time.sleep(0.2)
        runs = rest.runs_between("hourly", first, last)
        told = [rest.log_end("hourly", run, "seen") for run in runs]
        assert list(runs.values()) == ["success", "success"], told
        results = [rest.result("hourly", run, "seen") for run in runs]
        assert results == [[f"2013-02-08T{hour}:00:00.000000Z", 2525] for hour in (18, 19)]
        started: list[str] = []
        while not started or not {rest.run_state("heard", run) for run in started} <= {*FINISHED}:
            services.check_alive()
            started = rest.run_ids("heard")
            time.sleep(0.2)
        heard = {rest.result("heard", run, "evidence") for run in started}
        assert heard <= {at for at, _ in results}
    rest.drop_connection("mailbox")
    assert rest.connection("mailbox") is None


def _session_of(pid: int) -> int:
    try:
        zombie = psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        return -1 if zombie else os.getsid(pid)
    except (psutil.NoSuchProcess, ProcessLookupError):
        return -1


def test_a_taken_port_that_was_asked_for_is_refused_and_else_the_next_is_used() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServicesError, match=f"port {port} is taken"):
            free_port(port)
        assert free_port(first=port) > port


@pytest.mark.parametrize("text", ["0", "65536", "-1", "abc", "80.0", "1e3", "٨٠٨٠", "9" * 5000])
def test_what_is_no_port_is_refused_with_the_range(text: str) -> None:
    with pytest.raises(ServicesError, match="from 1 to 65535") as refused:
        asked_port(text)
    assert len(str(refused.value)) < 200


def test_no_wish_for_a_port_is_no_port() -> None:
    assert asked_port(None) is None and asked_port("") is None and asked_port(" ") is None
    assert asked_port("65535") == 65535


def test_an_airflow_of_somebody_else_on_the_same_port_is_not_taken_for_ours(
    services: AirflowServices,
) -> None:
    class Healthy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({part: {"status": "healthy"} for part in HEALTH}).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Healthy) as foreign:
        threading.Thread(target=foreign.serve_forever, daemon=True).start()
        services.home.mkdir(parents=True)
        (services.home / "port").write_text(str(foreign.server_port))
        waiting = [sys.executable, "-c", "import time; time.sleep(600)"]
        for name in COMPONENTS:
            services.processes.start(
                name, waiting, env=os.environ, log=services.log(name), cwd=services.home
            )
        try:
            assert services.unhealthy() == list(HEALTH)
        finally:
            services.stop()
            foreign.shutdown()


def test_secrets_are_made_once_and_readable_by_the_owner_alone(services: AirflowServices) -> None:
    services.home.mkdir(parents=True)
    (services.home / "port").write_text("8080")
    first, second = services.environment(), services.environment()
    for name in ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET"):
        assert first[name] == second[name]
    assert len(first["AIRFLOW__API_AUTH__JWT_SECRET"]) >= 64
    assert services.login.password not in " ".join(first.values())
    for file in ("secrets.json", "passwords.json"):
        assert stat.S_IMODE((services.home / file).stat().st_mode) == 0o600


def test_users_that_an_older_folder_lacks_are_added_and_known_secrets_stay(
    services: AirflowServices,
) -> None:
    services.home.mkdir(parents=True)
    (services.home / "port").write_text("8080")
    (services.home / "secrets.json").write_text('{"admin": "kept", "fernet_key": "old"}')
    assert services.login.password == "kept"
    assert services.environment()["AIRFLOW__CORE__FERNET_KEY"] == "old"
    passwords = json.loads((services.home / "passwords.json").read_text())
    assert set(passwords) == {"admin", "op", "viewer"} and passwords["admin"] == "kept"
    assert services.login_as("op").password == passwords["op"]


def test_another_airflow_of_the_shell_does_not_leak_in(
    services: AirflowServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.home.mkdir(parents=True)
    (services.home / "port").write_text("8123")
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW_CONN_GOVERNANCE_DB", "postgres://elsewhere")
    monkeypatch.setenv("GOVERNANCE_DATABASE_URL", "postgresql://elsewhere")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    found = services.environment()
    assert "elsewhere" not in " ".join(found.values())
    assert found["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert found["AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_ENABLED"] == "False"
    assert "127.0.0.1" in found["NO_PROXY"]
    addresses = {key: value for key, value in found.items() if ":8123" in value}
    assert set(addresses) == {
        "AIRFLOW__API__BASE_URL",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
    }
    assert found["AIRFLOW__API__PORT"] == "8123"


def test_two_starters_in_one_folder_do_not_meet(services: AirflowServices) -> None:
    other = AirflowServices(
        services.home, dags=services.dags, plugins=services.plugins, variables={}
    )
    with services.reserved(), pytest.raises(ServicesError, match="at work here"), other.reserved():
        raise AssertionError("both hold the lock")
    with other.reserved():
        pass  # released with the first


def test_a_component_that_died_is_named_with_the_end_of_its_log(services: AirflowServices) -> None:
    log = services.log("scheduler")
    log.parent.mkdir(parents=True)
    log.write_text("said by yesterday's server\n")
    services.processes.start(
        "scheduler", ["/bin/sh", "-c", "echo no such table"], env={}, log=log, cwd=services.home
    )
    while services.processes.alive():
        time.sleep(0.01)
    with pytest.raises(ServicesError, match=r"scheduler ended(.|\n)*no such table") as died:
        services.check_alive()
    assert "yesterday" not in str(died.value)
    services.stop()


@pytest.mark.parametrize(("taken", "moves"), [(True, True), (True, False), (False, True)])
def test_only_who_just_started_moves_on_to_another_port(
    services: AirflowServices, monkeypatch: pytest.MonkeyPatch, taken: bool, moves: bool
) -> None:
    """Whoever came to a running Airflow, or saw it healthy, was told its address already."""
    started: list[bool] = []

    def start_all() -> None:
        started.append(True)
        server = ["/bin/sh", "-c", f"echo '{'address already in use' if taken else 'no'}'"]
        log = services.log("api-server")
        services.processes.start("api-server", server, env={}, log=log, cwd=services.home)
        while services.processes.alive():
            time.sleep(0.01)

    monkeypatch.setattr(services, "_start_all", start_all)
    monkeypatch.setattr(services, "_prepare_database", lambda: None)
    healthy = iter([["scheduler"], [], ["scheduler"]])
    monkeypatch.setattr(services, "unhealthy", lambda: next(healthy))
    services.start(port=None if moves else free_port())
    if taken and moves:
        services.wait()
        assert started == [True, True]
        started.clear()
    with pytest.raises(ServicesError, match="api-server ended"):
        services.wait()
    assert started == ([] if taken and moves else [True])
    services.stop()


def test_this_checkout_keeps_its_state_in_folders_that_git_ignores() -> None:
    ignored = (here.ROOT / ".gitignore").read_text().split()
    for folder in (here.services(scheduled=False).home, here.HOME, here.ROOT / ".venv"):
        assert f"{folder.name}/" in ignored


def test_why_an_airflow_died_is_not_hidden_by_dags_that_can_no_more_be_paused() -> None:
    class Dying(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = {"access_token": "t", "is_paused": True}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        do_GET = do_POST = do_PATCH = answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Dying)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    with AirflowRest(Login(address, "admin", "secret")) as rest:
        with pytest.raises(ServicesError, match="scheduler ended"), switched_on(rest, ["one"]):
            server.shutdown()
            server.server_close()
            raise ServicesError("Airflow's scheduler ended")
        with pytest.raises(ServicesError, match="did not answer"):
            rest.pause("one", True)


class Locked(BaseHTTPRequestHandler):
    """An Airflow on SQLite that meets another writer when it makes a backfill, and thereafter."""

    on = True
    refusals = 2
    asked_while_on: ClassVar[list[bool]] = []

    def do_GET(self) -> None:
        over = self.path.endswith("/backfills/6")
        found = {"id": 6, "completed_at": "2013-02-08T00:00:00Z" if over else None}
        self._say({"is_paused": not Locked.on, "backfills": [found], **found})

    def do_PUT(self) -> None:  # the scheduler was faster than the caller
        self._say({"detail": "Backfill is already completed."}, 409)

    def do_PATCH(self) -> None:
        wanted = not self._body()["is_paused"]
        if wanted and Locked.refusals:  # what follows on a refusal is refused as well at first
            Locked.refusals = 0
            self._say({"detail": {"reason": "Database error"}}, 500)
            return
        Locked.on = wanted
        self._say({})

    def do_POST(self) -> None:
        self._body()
        if not self.path.endswith("/backfills"):
            self._say({"access_token": "t"})
            return
        Locked.asked_while_on.append(Locked.on)
        refused = len(Locked.asked_while_on) <= Locked.refusals
        self._say({"id": 7}, 503 if refused else 200)

    def _body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return found

    def _say(self, body: dict[str, Any], status: int = 200) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body, separators=(",", ":")).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("refusals", [0, 2, LOCKED_ATTEMPTS])
def test_a_dag_is_off_while_airflow_makes_and_removes_its_backfill(
    monkeypatch: pytest.MonkeyPatch, on: bool, refusals: int
) -> None:
    # What Airflow makes and removes again must not be in the scheduler's hands meanwhile.
    monkeypatch.setattr("local.airflow_rest.LOCKED_PAUSE", 0)
    for name, value in (("on", on), ("refusals", refusals), ("asked_while_on", [])):
        monkeypatch.setattr(Locked, name, value)
    moment = datetime(2013, 2, 8, tzinfo=UTC)
    with ThreadingHTTPServer(("127.0.0.1", 0), Locked) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with AirflowRest(Login(f"http://127.0.0.1:{server.server_port}", "admin", "s")) as rest:
            if refusals < LOCKED_ATTEMPTS:
                assert rest.backfill("hourly", moment, moment) == 7
            else:
                with pytest.raises(ServicesError, match="503"):
                    rest.backfill("hourly", moment, moment)
        server.shutdown()
    assert Locked.asked_while_on == [False] * min(refusals + 1, LOCKED_ATTEMPTS)
    assert Locked.on is on


def test_what_died_is_started_again_once_and_said(
    services: AirflowServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "local.airflow_services._airflow",
        lambda: [sys.executable, "-c", "print('row is gone', flush=True)"],
    )
    monkeypatch.setattr(services, "wait", lambda: None)
    services.home.mkdir(parents=True)
    (services.home / "port").write_text("8123")
    waiting = [sys.executable, "-c", "import time; time.sleep(600)"]
    log = services.log("triggerer")
    services.processes.start("triggerer", waiting, env=os.environ, log=log, cwd=services.home)
    stays = services.processes.alive()["triggerer"]
    console = Console(file=StringIO(), width=500)
    alive = KeptAlive(services, console)
    try:
        alive()
        services._start_one("scheduler")
        for _ in range(2):
            while "scheduler" in services.processes.alive():
                time.sleep(0.01)
            if not (said := console.file.getvalue()):  # type: ignore[attr-defined]
                alive()
        assert "scheduler ended (row is gone) and was started again" in said
        assert (services.home / "logs/services/scheduler.died.log").read_text() == "row is gone\n"
        with pytest.raises(ServicesError, match=r"scheduler ended(.|\n)*row is gone"):
            alive()
        assert services.processes.alive() == {"triggerer": stays}
    finally:
        assert services.stop() == ["triggerer"]
