"""Connections that do not ask: each has so long for the head of a request, then it is closed.

uvicorn waits for ever for the first byte and between two bytes of a head, and counts who waits
among those that it serves: a few hundred silent connections would keep everybody out. Neighbours:
``body`` waits for the pieces of a body, and only of callers who may send one. Not promised: help
against many addresses at once, which is the business of a proxy before the server.
"""

from __future__ import annotations

import asyncio
from typing import Any

HEAD_SECONDS = 10.0


def patient() -> type[asyncio.Protocol]:
    """uvicorn's own HTTP protocol with a limit to its patience, for ``uvicorn.run(http=...)``."""
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

    base: Any = AutoHTTPProtocol

    class Patient(base):  # type: ignore[misc]
        _end: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self._wait()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop()
            super().connection_lost(exc)

        def _nobody_asks(self) -> bool:
            """No head has come whole that is not answered yet."""
            return self.cycle is None or bool(self.cycle.response_complete)

        def _wait(self) -> None:
            if not self._nobody_asks():
                self._stop()
            elif self._end is None:
                self._end = self.loop.call_later(HEAD_SECONDS, self._give_up)

        def _stop(self) -> None:
            if self._end is not None:
                self._end.cancel()
                self._end = None

        def _give_up(self) -> None:
            self._end = None
            if self._nobody_asks():
                self.transport.close()

    return Patient
