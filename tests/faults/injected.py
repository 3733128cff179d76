"""A call whose n-th system call of a kind fails or kills it: ``strace`` on a forked process.

The process opens the product, says that it is ready and waits; ``strace`` is attached then, so that
it counts the system calls of this one call, of the files that follow and of closing, and none
before. What the call was told is written by ``writev``, which is never touched.

Not promised: that the n-th of a kind comes at the same line twice.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from select import select
from typing import Any

import pytest

from governance import Governance
from governance.errors import GovernanceError, StorageFullError, UnavailableError
from tests.faults.killed_worker import Line, Spawner, repeat
from tests.versions import NAME

FILES = (
    "openat",
    "mkdir",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "ftruncate",
    "rename",
    "symlink",
    "unlink",
)
SOCKETS = ("sendto", "recvfrom")
_SET_PTRACER, _ANYBODY = 0x59616D61, -1
_DONE = re.compile(r"^(\w+)\(", re.MULTILINE)
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Fault:
    """At the ``number``-th ``call``: ``how`` is KILL, or the error it is answered with."""

    call: str
    number: int
    how: str

    def __str__(self) -> str:
        return f"{self.how} at {self.call} {self.number}"

    @property
    def option(self) -> str:
        what = "signal=SIGKILL" if self.how == "KILL" else f"error={self.how}"
        return f"inject={self.call}:{what}:when={self.number}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the call.

    Attributes:
        told: what it answered; ``None``: it was killed before.
        struck: the fault came; a call may have fewer system calls than the one counted.
        killed: the process did not come to its end.
    """

    told: Line | None
    struck: bool
    killed: bool
    calls: Counter[str]


class Injector:
    """Makes calls in processes of their own; enter it before the database is opened here."""

    def __init__(self, open_gov: Callable[[], Governance], place: Path) -> None:
        self._place = place
        place.mkdir()
        self._ready, ready = os.pipe()
        go, self._go = os.pipe()
        self._pipes = (self._ready, ready, go, self._go)
        self._spawner = Spawner(lambda seed: _suffer(open_gov, place, ready, go))

    def __enter__(self) -> Injector:
        self._spawner.__enter__()
        return self

    def __exit__(self, *given: Any) -> None:
        self._spawner.__exit__(*given)
        for descriptor in self._pipes:
            os.close(descriptor)

    def make(self, call: Line, fault: Fault | None = None) -> Outcome:
        """The call, with a fault or only counted."""
        told, trace = self._place / "told", self._place / "trace"
        told.write_bytes(b"")
        trace.write_bytes(b"")
        (self._place / "call").write_text(json.dumps(call))
        process = self._spawner.start(0)
        assert select([self._ready], [], [], _PATIENCE)[0], "the process did not come up"
        os.read(self._ready, 1)
        command = ["strace", "-p", str(process), "-o", str(trace)]
        command += ["-e", "trace=" + ",".join((*FILES, *SOCKETS))]
        if fault is not None:
            command += ["-e", fault.option]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
            assert strace.stderr is not None
            attached = strace.stderr.readline()
            os.write(self._go, b"1")
            status = self._spawner.wait()
            strace.wait(_PATIENCE)
        if "attached" not in attached:
            pytest.skip(f"strace cannot attach here: {attached}")
        seen, lines = trace.read_text(), told.read_bytes().splitlines()
        return Outcome(
            told=json.loads(lines[0]) if lines else None,
            struck="(INJECTED)" in seen or "killed by SIGKILL" in seen,
            killed=os.WIFSIGNALED(status),
            calls=Counter(_DONE.findall(seen)),
        )


def _suffer(open_gov: Callable[[], Governance], place: Path, ready: int, go: int) -> None:
    """The process: everything is open and warm when ``strace`` comes."""
    ctypes.CDLL(None).prctl(_SET_PTRACER, ctypes.c_ulong(_ANYBODY), 0, 0, 0)
    call = json.loads((place / "call").read_bytes())
    answer = os.open(place / "told", os.O_WRONLY | os.O_APPEND)
    try:
        with open_gov() as gov:
            gov.registry.generation(NAME)
            with gov.database.begin():
                pass
            os.writev(ready, [b"1"])
            os.read(go, 1)
            os.writev(answer, [json.dumps(_told(gov, call)).encode() + b"\n"])
            gov.files.catch_up()
    except BaseException as error:
        os.writev(answer, [json.dumps({"escaped": repr(error)}).encode() + b"\n"])
        raise


def _told(gov: Governance, call: Line) -> Line:
    try:
        return repeat(gov, call)
    except (UnavailableError, StorageFullError) as error:
        return {"refused": error.code, "unchanged": "nothing was changed" in error.message}
    except GovernanceError as error:
        return {"misjudged": error.code, "message": error.message}


def needs_strace() -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
