"""Long-running child processes that outlive this one, and can be found and stopped again by name.

Each is the leader of its own session. What was started is written to one small JSON file: the
process id *and* the moment it started, since the system gives ids out again. Stopping means every
process of the session: a task that runs at that moment as well.

Not promised: restarting what died (the caller looks at `dead`), other users' processes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil


class ServicesError(Exception):
    """A service did not start or died; the text says where to look and what to do."""


class Processes:
    """The processes recorded in `record`, a file that survives the program that wrote it."""

    def __init__(self, record: Path) -> None:
        self.record = record
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def start(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str], log: Path, cwd: Path
    ) -> None:
        """Start `command` in a session of its own; its output goes to `log`, which begins anew."""
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")  # whoever reads its end is not shown a predecessor's
        with log.open("ab") as output:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
            )
        self._children[name] = child
        started = psutil.Process(child.pid).create_time()
        self._write({**self._read(), name: {"pid": child.pid, "started": started}})

    def alive(self) -> dict[str, int]:
        """Name and process id of the recorded leaders that run."""
        found = {name: _leader(entry) for name, entry in self._read().items()}
        return {name: leader.pid for name, leader in found.items() if leader is not None}

    def dead(self) -> list[str]:
        """Names that were started and run no more."""
        return sorted(set(self._read()) - set(self.alive()))

    def stop(self, patience: float = 5.0, *, names: Collection[str] | None = None) -> list[str]:
        """Ask all (or these) to end, then end what is left after `patience` seconds.

        Returns the names of those of which something ran.
        """
        everything = self._read()
        recorded = {n: entry for n, entry in everything.items() if names is None or n in names}
        stopped = [name for name, entry in recorded.items() if _session(entry)]
        for entry in recorded.values():
            leader = _leader(entry)
            for process in [leader] if leader else _session(entry):
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + patience
        while left := [p for entry in recorded.values() for p in _session(entry)]:
            if time.monotonic() > deadline:
                for process in left:
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
            psutil.wait_procs(left, timeout=0.2)
        for name, child in self._children.items():  # so that our own do not stay as zombies
            if names is None or name in names:
                with suppress(subprocess.TimeoutExpired):
                    child.wait(max(patience, 1.0))
        if left_running := {n: entry for n, entry in everything.items() if n not in recorded}:
            self._write(left_running)
        else:
            self.record.unlink(missing_ok=True)
        return stopped

    def _read(self) -> dict[str, dict[str, float]]:
        try:
            content = json.loads(self.record.read_text())
        except (OSError, ValueError):  # nothing was started, or its writer was killed at once
            return {}
        return content if isinstance(content, dict) else {}

    def _write(self, content: Mapping[str, object]) -> None:
        self.record.parent.mkdir(parents=True, exist_ok=True)
        draft = self.record.with_suffix(".new")
        draft.write_text(json.dumps(content, indent=2) + "\n")
        draft.replace(self.record)


def _leader(entry: Mapping[str, float]) -> psutil.Process | None:
    """The recorded process if it still is the one that was started, not a later owner of its id."""
    try:
        process = psutil.Process(int(entry["pid"]))
        same = abs(process.create_time() - entry["started"]) < 1.0
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def _session(entry: Mapping[str, float]) -> list[psutil.Process]:
    """Every process of the session that the recorded one led, even after the leader is gone.

    While a session has members its id is not given out again, so members that began after the
    leader, when no stranger leads a session of that number, are ours.
    """
    session = int(entry["pid"])
    if entry["started"] < psutil.boot_time() - 1.0:
        return []
    if psutil.pid_exists(session) and _leader(entry) is None and not _is_zombie(session):
        return []
    members = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError, PermissionError):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                members.append(process)
    return members


def _is_zombie(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
