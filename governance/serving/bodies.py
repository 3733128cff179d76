"""A request's body: of a known type, not too large, not too slow.

What is too large is refused by its declared length before a byte is read, else as soon as it is
seen. Neighbour: ``answering`` (parses what is read here).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

from fastapi import Request

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


def form_of(request: Request) -> Form:
    """
    Raises:
        UnsupportedMediaTypeError: no content type, or another one.
    """
    given = request.headers.get("content-type", "")
    name = given.partition(";")[0].strip().lower()
    if name in tuple(Form):
        return Form(name)
    raise UnsupportedMediaTypeError(
        f"content type {given[:80]!r} is not read here; send one of {', '.join(Form)}"
    )


class Bodies:
    """Reads bodies, and knows how many bytes of them are held at once."""

    def __init__(self, limits: ServingLimits) -> None:
        self._limits = limits
        self._held = 0

    @asynccontextmanager
    async def reading(self, request: Request, form: Form) -> AsyncIterator[bytes]:
        """The body; it counts as held until the block ends.

        Raises:
            TooLargeError: more than the limit of its form.
            SlowRequestError: it did not come within its time.
            UnavailableError: too many bytes are held already.
        """
        most = self._limits.max_body_bytes
        if form is Form.JSON:
            most = self._limits.max_json_bytes
        held = 0
        chunks: list[bytes] = []
        try:
            _check(_declared(request), most)
            async with asyncio.timeout(self._limits.body_seconds):
                async for chunk in request.stream():
                    held += len(chunk)
                    self._held += len(chunk)
                    _check(held, most)
                    if self._held > self._limits.max_bytes_in_flight:
                        raise UnavailableError("too many bodies are held here now; come again")
                    chunks.append(chunk)
            yield chunks[0] if len(chunks) == 1 else b"".join(chunks)
        except TimeoutError:
            raise SlowRequestError(
                f"the body did not arrive within {self._limits.body_seconds:g} s; send it again"
            ) from None
        finally:
            self._held -= held


def _declared(request: Request) -> int:
    text = request.headers.get("content-length", "0")
    if not text.isascii() or not text.isdigit():
        raise InvalidInputError("content-length is no number")
    return int(text)


def _check(size: int, most: int) -> None:
    if size > most:
        raise TooLargeError(
            f"the body is larger than {most} bytes; send fewer rows, or Arrow or Parquet for many"
        )
