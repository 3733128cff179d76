"""What a caller sends, read with limits before anything parses it.

A body has a size, a time between two of its pieces, and as JSON a depth; no number in it is NaN and
no text holds what a database cannot store. Uploads have a size of their own and are streamed: the
parts go to disk as they come. What is said twice, in the query, a header, a form or an object, is
refused: two readers could take two different ones.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, NoReturn

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive

from governance.canonical import storable
from governance.errors import InvalidInputError
from governance.files import storage_errors

MAX_JSON = 1 << 20  # bytes
MAX_DEPTH = 32
MAX_QUERY = 8192  # characters
PIECE_SECONDS = 30.0  # that the next piece of a body may take

_METHODS_WITHOUT = ("GET", "HEAD", "OPTIONS")


def limited(request: Request, limit: int) -> Request:
    """The same request, whose body may not be longer than ``limit`` bytes.

    Raises:
        HTTPException: 413 where its length is announced; else while it is read. 408 where it stops.
    """
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:19]) > limit:
        _too_large(limit)
    return Request(request.scope, _counted(request.receive, limit))


def _counted(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        try:
            message = await asyncio.wait_for(receive(), PIECE_SECONDS)
        except TimeoutError:
            raise HTTPException(
                408, f"no byte came for {PIECE_SECONDS:g} seconds; send it again"
            ) from None
        seen += len(message.get("body", b""))
        if seen > limit:
            _too_large(limit)
        return message

    return counted


def _too_large(limit: int) -> NoReturn:
    raise HTTPException(413, f"the body is larger than {limit} bytes; send less")


async def check_json(request: Request) -> None:
    """Read and check a JSON body; whoever asks for it later gets the bytes that were read.

    Raises:
        HTTPException: 415 for another content type.
        InvalidInputError: no JSON, too deep, NaN or infinity, or a text that cannot be stored.
    """
    data = await request.body()
    if not data:
        return
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "this route takes application/json")
    parsed(data)


def parsed(data: bytes) -> Any:
    """The value of a JSON text that this API takes.

    Raises:
        InvalidInputError: no JSON, too deep, NaN or infinity, or a text that cannot be stored.
    """
    try:
        value = json.loads(data, parse_constant=_refuse_constant, object_pairs_hook=_object)
    except InvalidInputError:  # of the two functions; a ValueError, too
        raise
    except RecursionError:
        raise _too_deep() from None
    except UnicodeDecodeError as error:
        raise InvalidInputError("the body is no UTF-8 text") from error
    except json.JSONDecodeError as error:
        raise InvalidInputError(
            f"the body is no JSON: {error.msg} at line {error.lineno} column {error.colno}"
        ) from error
    except ValueError as error:  # Python reads no number of more than 4300 digits
        raise InvalidInputError("a number of the body has too many digits; round it") from error
    _check(value, 1)
    return value


async def check_form(request: Request, known: frozenset[str]) -> None:
    """Read a form, its files to disk, and check its fields; whoever asks later gets what was read.

    Raises:
        HTTPException: 400 for what is no form.
        InvalidInputError: a field that the route does not know, or one of text twice.
        StorageFullError, StorageUnavailableError: there is no room for the files.
    """
    with storage_errors("keep the upload"):
        form = await request.form()
    try:
        _check_fields(form, known)
    except InvalidInputError:
        await form.close()  # what was kept on the disk
        raise


def _check_fields(form: FormData, known: frozenset[str]) -> None:
    seen = set()
    for name, value in form.multi_items():
        if name not in known:
            raise InvalidInputError(
                f"this form knows no field {name[:40]!a}; it knows {', '.join(sorted(known))}"
            )
        if isinstance(value, str):
            if name in seen:
                raise InvalidInputError(f"the form names {name} twice; keep one")
            seen.add(name)


def _refuse_constant(text: str) -> NoReturn:
    raise InvalidInputError(f"{text} has no JSON form; leave the value out or give null")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise InvalidInputError("an object of the body has the same key twice; keep one")
    return found


def _check(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _too_deep()
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, float):
        if value in (float("inf"), float("-inf")):  # 1e999
            raise InvalidInputError("a number of the body is too large; give a finite one")
    elif isinstance(value, dict):
        for key, item in value.items():
            check_text(key)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)


def _too_deep() -> InvalidInputError:
    return InvalidInputError(f"the body is nested deeper than {MAX_DEPTH} levels; make it flatter")


def check_text(text: str) -> None:
    """
    Raises:
        InvalidInputError: a NUL, or half a character.
    """
    if not storable(text):
        raise InvalidInputError("a text holds a NUL or half a character (a lone surrogate)")


def check_address(
    request: Request, known: frozenset[str], headers: frozenset[str] = frozenset()
) -> None:
    """Path and query hold texts that can be asked for, and the query only names that exist.

    Args:
        headers: that the route takes; each may stand there once.

    Raises:
        InvalidInputError: an unknown or repeated name, a text that cannot be stored.
    """
    for name in headers:
        if len(request.headers.getlist(name)) > 1:
            raise InvalidInputError(f"the header {name} stands there twice; keep one")
    for part in request.path_params.values():
        check_text(str(part))
    if len(request.scope.get("query_string", b"")) > MAX_QUERY:
        raise InvalidInputError(f"the query is longer than {MAX_QUERY} characters")
    seen = set()
    for name, value in request.query_params.multi_items():
        check_text(value)
        if name not in known:
            raise InvalidInputError(
                f"this route knows no query parameter {name[:40]!a}; it knows "
                f"{', '.join(sorted(known)) or 'none'}"
            )
        if name in seen:
            raise InvalidInputError(f"the query names {name} twice; keep one")
        seen.add(name)


def has_body(request: Request) -> bool:
    return request.method not in _METHODS_WITHOUT
