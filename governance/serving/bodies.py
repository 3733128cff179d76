"""A request's body: of a known type, not too large, not too slow.

What is too large is refused by its declared length before a byte is read, else as soon as it is
seen. Neighbour: ``answering`` (parses what is read here).
"""

from __future__ import annotations

import asyncio
from enum import StrEnum

from fastapi import Request
from starlette.requests import ClientDisconnect

from governance.errors import (
    InvalidInputError,
    SlowRequestError,
    TooLargeError,
    UnavailableError,
    UnsupportedMediaTypeError,
)
from governance.serving.limits import ServingLimits


class Form(StrEnum):
    """Content types that are read, and answered in."""

    JSON = "application/json"
    ARROW_STREAM = "application/vnd.apache.arrow.stream"
    ARROW_FILE = "application/vnd.apache.arrow.file"
    PARQUET = "application/vnd.apache.parquet"


_FORMS = {one.value: one for one in Form}


def header(request: Request, name: bytes) -> str:
    """The first header of this name (in small letters), or ``""``.

    Costs a tenth of what the framework's mapping of headers does.
    """
    for key, value in request.scope["headers"]:
        if key == name:
            found: str = value.decode("latin-1")
            return found
    return ""


def form_of(request: Request) -> Form:
    """
    Raises:
        UnsupportedMediaTypeError: no content type, or another one, or packed on the way.
    """
    packed = header(request, b"content-encoding")
    if packed and packed.strip().lower() != "identity":
        raise UnsupportedMediaTypeError(
            f"content encoding {packed[:40]!r} is not read here; send the body as it is (Arrow and "
            "Parquet have their own compression)"
        )
    given = header(request, b"content-type")
    form = _FORMS.get(given.partition(";")[0].strip().lower())
    if form is not None:
        return form
    raise UnsupportedMediaTypeError(
        f"content type {given[:80]!r} is not read here; send one of {', '.join(Form)}"
    )


class Held:
    """A body, counted as held until the block ends."""

    __slots__ = ("_bodies", "_body", "_size")

    def __init__(self, bodies: Bodies, body: bytes, size: int) -> None:
        self._bodies, self._body, self._size = bodies, body, size

    def __enter__(self) -> bytes:
        return self._body

    def __exit__(self, *_: object) -> None:
        self._bodies.held -= self._size


class Bodies:
    """Reads bodies. ``held``: how many bytes of them are here now."""

    def __init__(self, limits: ServingLimits) -> None:
        self._limits = limits
        self.held = 0

    async def read(self, request: Request, form: Form) -> Held:
        """The body, for a ``with`` block.

        Raises:
            TooLargeError: more than the limit of its form.
            SlowRequestError: it did not come within its time.
            UnavailableError: too many bytes are held already.
            ClientDisconnect: the caller went away before its end.
        """
        limits, receive = self._limits, request.receive
        most = limits.max_json_bytes if form is Form.JSON else limits.max_body_bytes
        _check(_declared(request), most)
        size, more = 0, True
        chunks: list[bytes] = []
        try:
            async with asyncio.timeout(limits.body_seconds):
                while more:  # without the framework's stream, which takes as long as a prediction
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientDisconnect
                    chunk = message.get("body", b"")
                    more = message.get("more_body", False)
                    size += len(chunk)
                    self.held += len(chunk)
                    _check(size, most)
                    if self.held > limits.max_bytes_in_flight:
                        raise UnavailableError("too many bodies are held here now; come again")
                    chunks.append(chunk)
            return Held(self, chunks[0] if len(chunks) == 1 else b"".join(chunks), size)
        except BaseException as error:
            self.held -= size
            if isinstance(error, TimeoutError):
                raise SlowRequestError(
                    f"the body did not arrive within {limits.body_seconds:g} s; send it again"
                ) from None
            raise


def _declared(request: Request) -> int:
    text = header(request, b"content-length") or "0"
    if not text.isascii() or not text.isdigit():
        raise InvalidInputError("content-length is no number")
    return int(text)


def _check(size: int, most: int) -> None:
    if size > most:
        raise TooLargeError(
            f"the body is larger than {most} bytes; send fewer rows, or Arrow or Parquet for many"
        )
