"""A server in a process of its own on a free port, asked until it answers, ended with its block."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

_READY_SECONDS = 90.0


class Server:
    """
    Args:
        command: starts it; ``{port}`` stands for the port.
        ready: path that answers 200 or 405 when it is ready.
        messages: file for what it prints.
    """

    def __init__(self, command: Sequence[str], *, ready: str, messages: Path, **env: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._messages = messages
        with messages.open("wb") as file:
            self._process = subprocess.Popen(
                [part.format(port=self.port) for part in command],
                stdout=file,
                stderr=file,
                env={**os.environ, **env},
            )
        try:
            self._wait(ready)
        except BaseException:
            self.__exit__()
            raise

    def get(self, path: str, token: str) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            found: dict[str, Any] = json.loads(answer.read())
            if answer.status != 200:
                raise RuntimeError(f"{path}: {answer.status} {found}")
            return found
        finally:
            connection.close()

    def _wait(self, path: str) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            try:
                connection.request("GET", path)
                if connection.getresponse().status in (200, 405):
                    return
            except OSError:
                pass
            finally:
                connection.close()
            time.sleep(0.1)
        tail = self._messages.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"the server does not answer:\n{tail}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def governance(home: Path, *arguments: str) -> list[str]:
    """The command line of ours, on this home."""
    return [sys.executable, "-m", "governance.cli", "--home", str(home), *arguments]
