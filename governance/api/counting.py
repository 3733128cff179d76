"""What the management API answered, counted: by route and status, by problem, by time.

The outermost layer of the app, so that whatever leaves is counted. One process counts for itself,
from its start; its number is a label, since several workers may answer at one address. Routes are
counted by their template and methods by those that exist: nobody can invent a label.
"""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_left
from collections import Counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from governance.api.problems import CODE
from governance.monitoring.sheet import Buckets, Sheet

BOUNDS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHODS = frozenset({"GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"})
_ABORTED = 499  # as proxies call it: the client left before there was an answer


class Requests:
    """
    >>> found = Requests()
    >>> found.answered("GET", "/api/v1/models", 200, 0.004, None)
    >>> found.answered("BREW", "", 405, 0.004, "method_not_allowed")
    >>> sheet = Sheet("management")
    >>> found.put(sheet)
    >>> 'method="other"' in sheet.written("")[0].decode()
    True
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._errors: Counter[str] = Counter()
        self._buckets: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}

    def answered(
        self, method: str, route: str, status: int, seconds: float, problem: str | None
    ) -> None:
        known = method if method in _METHODS else "other"
        with self._lock:
            self._requests[known, route, status] += 1
            buckets = self._buckets.setdefault(known, [0] * (len(BOUNDS) + 1))
            buckets[bisect_left(BOUNDS, seconds)] += 1
            self._seconds[known] = self._seconds.get(known, 0.0) + seconds
            if problem is not None:
                self._errors[problem] += 1

    def put(self, sheet: Sheet) -> None:
        process = str(os.getpid())
        with self._lock:
            for (method, route, status), number in self._requests.items():
                labels = (process, method, route, str(status))
                sheet.put("governance_api_requests_total", number, *labels)
            for method, counts in self._buckets.items():
                found = Buckets(BOUNDS, counts, self._seconds[method])
                sheet.put_histogram(
                    "governance_api_request_duration_seconds", found, process, method
                )
            for code, number in self._errors.items():
                sheet.put("governance_api_errors_total", number, process, code)


class Counting:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, requests: Requests) -> None:
        self._app = app
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, start = _ABORTED, time.perf_counter()

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sent)
        finally:
            self._requests.answered(
                scope["method"],
                getattr(scope.get("route"), "path", ""),
                status,
                time.perf_counter() - start,
                scope.get("state", {}).get(CODE),
            )
