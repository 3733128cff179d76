"""Stopping ends exactly what was started: all of it, and nobody else's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local.processes import Processes

FOREVER = [sys.executable, "-c", "import time; time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('deaf', flush=True); time.sleep(600)",
]
# A child in a process group of its own, as Airflow's tasks are; the leader ends at once.
ORPHAN = [
    sys.executable,
    "-c",
    "import os, subprocess, sys; "
    "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], process_group=0);"
    "print(p.pid, flush=True)",
]


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    made = Processes(tmp_path / "services.json")
    yield made
    made.stop(patience=0.0)


def start(processes: Processes, name: str, command: list[str]) -> Path:
    log = processes.record.parent / f"{name}.log"
    processes.start(name, command, env=os.environ, log=log, cwd=processes.record.parent)
    return log


def first_line(log: Path) -> str:
    """What the process printed first; its own readiness, not a guess about time."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if (text := log.read_text()).endswith("\n"):
            return text.splitlines()[0]
        time.sleep(0.01)
    raise AssertionError(f"{log} stayed empty")


def test_what_was_started_is_found_and_stopped_by_another_program(processes: Processes) -> None:
    start(processes, "a", FOREVER)
    start(processes, "b", FOREVER)
    later = Processes(processes.record)
    pids = later.alive()
    assert set(pids) == {"a", "b"}
    assert sorted(later.stop()) == ["a", "b"]
    assert not any(
        psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        for pid in pids.values()
    )
    assert later.stop() == []


def test_what_does_not_listen_is_ended_all_the_same(processes: Processes) -> None:
    assert first_line(start(processes, "deaf", DEAF)) == "deaf"
    (pid,) = processes.alive().values()
    processes.stop(patience=0.2)
    assert not psutil.pid_exists(pid)


def test_a_child_whose_leader_died_is_stopped_too(processes: Processes) -> None:
    orphan = psutil.Process(int(first_line(start(processes, "leader", ORPHAN))))
    while processes.alive():
        time.sleep(0.01)
    assert processes.dead() == ["leader"]
    assert orphan.is_running()
    assert processes.stop() == ["leader"]
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE


def test_a_later_owner_of_the_process_id_is_left_alone(processes: Processes) -> None:
    stranger = subprocess.Popen(FOREVER, start_new_session=True)
    try:
        long_ago = psutil.Process(stranger.pid).create_time() - 5
        record = {"scheduler": {"pid": stranger.pid, "started": long_ago}}
        processes.record.write_text(json.dumps(record))
        assert processes.alive() == {}
        assert processes.dead() == ["scheduler"]
        assert processes.stop() == []
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_record_from_before_the_last_boot_names_nobody(processes: Processes) -> None:
    own = os.getsid(0)
    record = {"scheduler": {"pid": own, "started": psutil.boot_time() - 1000}}
    processes.record.write_text(json.dumps(record))
    assert processes.stop() == []


@pytest.mark.parametrize("content", ["", '{"api-server": {"pi', "[]"])
def test_a_record_whose_writer_was_killed_reads_as_nothing(
    processes: Processes, content: str
) -> None:
    processes.record.write_text(content)
    assert processes.alive() == {}
    assert processes.stop() == []
