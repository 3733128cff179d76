"""A peer in an environment of its own, asked one operation at a time over a pipe.

A peer's libraries may contradict ours, so it gets its own interpreter. It times each operation
itself, within its process: the pipe is in no figure. One JSON object per line, both ways.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ROOT / ".bench"
PEERS = ROOT / "benchmarks" / "peers"


class PeerFailedError(RuntimeError):
    """The peer ended or answered no JSON; the text holds the end of what it printed."""


class Peer:
    """A running peer; close it by leaving its ``with`` block.

    Args:
        script: file name in ``benchmarks/peers``.
        python: the interpreter of its environment.
        folder: where it may write, and where its messages go.
    """

    def __init__(self, script: str, python: Path, folder: Path) -> None:
        self._messages = folder / "messages.log"
        with self._messages.open("wb") as messages:
            self._process = subprocess.Popen(
                [str(python), str(PEERS / script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=messages,
                text=True,
                cwd=folder,
                env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
            )

    def ask(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """The answer to one operation.

        Raises:
            PeerFailedError: it could not be carried out.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            print(json.dumps({"do": operation, **arguments}), file=self._process.stdin, flush=True)
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            tail = self._messages.read_text(errors="replace")[-2000:]
            raise PeerFailedError(f"the peer ended during {operation!r}:\n{tail}")
        found: dict[str, Any] = json.loads(answer)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def interpreter_of(name: str) -> Path | None:
    """The Python of the environment ``.bench/<name>``; `None` if it was not installed."""
    python = ENVIRONMENTS / name / "bin" / "python"
    return python if python.exists() else None
