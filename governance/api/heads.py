"""HEAD is answered as GET is, without the body: one rule for every route, and none has to say so.

The route sees a GET, and whoever stands outside (who counts requests, the server) the HEAD. What a
GET would have cost, a HEAD costs. Not promised: a Content-Length where GET gives none.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Heads:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        scope.setdefault("state", {})  # shared: what was answered is noted there
        asked = {**scope, "method": "GET"}  # a copy: the server asks its own what it may send
        try:
            await self._app(asked, receive, sent)
        finally:
            if "route" in asked:
                scope["route"] = asked["route"]
