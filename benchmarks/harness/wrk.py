"""The load: `wrk`, a process of its own, as fast as it can or at a constant rate.

`apt-get install wrk` (Debian, Ubuntu) or `brew install wrk`. wrk by itself waits for an answer
before it asks again, and so does not see what it kept waiting; ``load.lua`` adds a timetable for
each connection and counts from the time at which a request was due. It sends up to a millisecond
early, never counting from later than it sent.

Not promised: more than a few hundred requests a second at a constant rate.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("load.lua")
CONNECTIONS = 8  # at a constant rate: as many may be on the way at once


def installed() -> bool:
    return shutil.which("wrk") is not None


@dataclass(frozen=True, slots=True)
class Target:
    """
    Attributes:
        body: file that is posted; ``None`` asks with GET.
        kind: its content type.
        token: of the caller; ``None`` for a server that asks for none.
    """

    url: str
    body: Path | None = None
    kind: str = "application/json"
    token: str | None = None

    def arguments(self) -> list[str]:
        return [str(self.body or "-"), self.kind, self.token or "-"]


@dataclass(frozen=True, slots=True)
class Found:
    """What one run of wrk found, times in milliseconds.

    Attributes:
        failed: answers of 400 and above, and connections that broke or timed out.
        taken: of every request, at a constant rate; else empty.
    """

    requests: int
    failed: int
    seconds: float
    median: float
    p99: float
    taken: tuple[float, ...] = ()

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def fast(target: Target, *, seconds: float, connections: int = 4) -> Found:
    """As many requests as are answered, over so many connections."""
    size = ["-t1", f"-c{connections}", f"-d{math.ceil(seconds)}s", "--timeout", "30s"]
    done = subprocess.run(
        ["wrk", *size, "-s", str(SCRIPT), target.url, "--", *target.arguments()],
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 60,
    )
    return read_found(done.stdout)


def paced(target: Target, *, seconds: float, rate: float) -> Found:
    """So many requests a second, whatever the server does."""
    with Paced(target, rate=rate, most_seconds=seconds) as load:
        return load.result(timeout=seconds + 60)


class Paced:
    """A load at a constant rate that goes on until it is stopped; stop it by leaving ``with``."""

    def __init__(self, target: Target, *, rate: float, most_seconds: float = 600) -> None:
        gap = str(1e6 * CONNECTIONS / rate)
        size = [f"-t{CONNECTIONS}", f"-c{CONNECTIONS}", f"-d{math.ceil(most_seconds)}s"]
        arguments = [*target.arguments(), gap, str(CONNECTIONS)]
        self._process = subprocess.Popen(
            ["wrk", *size, "-s", str(SCRIPT), target.url, "--", *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "WRK_PACED": "1"},
        )

    def stop(self) -> Found:
        """Ask no more; what was found until now."""
        self._process.send_signal(signal.SIGINT)
        return self.result(timeout=60)

    def result(self, *, timeout: float) -> Found:
        said, _ = self._process.communicate(timeout=timeout)
        return read_found(said)

    def __enter__(self) -> Paced:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def together(runs: list[Found]) -> Found:
    """Several runs as one: every request of them counts once."""
    taken = sorted(one for run in runs for one in run.taken)
    return Found(
        requests=sum(run.requests for run in runs),
        failed=sum(run.failed for run in runs),
        seconds=sum(run.seconds for run in runs),
        median=taken[len(taken) // 2],
        p99=taken[math.ceil(0.99 * len(taken)) - 1],
        taken=tuple(taken),
    )


def read_found(said: str) -> Found:
    """What ``load.lua`` printed at the end.

    Raises:
        RuntimeError: it printed nothing.
    """
    line = next((one for one in said.splitlines() if one.startswith("FOUND ")), None)
    if line is None:
        raise RuntimeError(f"wrk found nothing:\n{said[-2000:]}")
    found: dict[str, Any] = json.loads(line.removeprefix("FOUND "))
    made = Found(
        found["requests"],
        found["failed"],
        found["seconds"],
        found["p50_us"] / 1e3,
        found["p99_us"] / 1e3,
        tuple(one / 1e3 for one in found["taken_us"]),
    )
    return together([made]) if made.taken else made
