"""One page of a list: after the id of the last item; of a list that is short enough to be read
whole (what one version has recorded, the trials of now), after its key, or after so many where
items only come at the end. No page skips rows in the database.

Lists are asked for one item more than the page has, to know whether another page follows; where
the page is as large as a list may be, another one is offered and may be empty.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TypeVar

from governance.api.shapes.parts import LARGEST_PAGE, Page
from governance.errors import InvalidInputError, InvalidNameError
from governance.values import check_model_name

Found = TypeVar("Found")
Item = TypeVar("Item")


def asked(limit: int) -> int:
    """How many to ask for.

    >>> asked(100), asked(1000)
    (101, 1000)
    """
    return min(limit + 1, LARGEST_PAGE)


def page(
    found: Sequence[Found],
    limit: int,
    *,
    show: Callable[[Found], Item],
    cursor: Callable[[Found], str],
) -> Page[Item]:
    some = found[:limit]
    more = len(found) > limit or len(some) == limit == LARGEST_PAGE
    return Page(
        items=[show(one) for one in some], next_cursor=cursor(some[-1]) if more and some else None
    )


def number_of(cursor: str | None) -> int:
    """The number in a cursor that is one.

    >>> number_of("12"), number_of(None)
    (12, 0)
    """
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise InvalidInputError("the cursor is not one that this list gave")
    return int(cursor)


def name_of(cursor: str) -> str:
    """The model name in a cursor that is one.

    >>> name_of("momentum")
    'momentum'
    """
    try:
        return check_model_name(cursor)
    except InvalidNameError:
        raise InvalidInputError("the cursor is not one that this list gave") from None


def sliced(
    found: Sequence[Found], limit: int, cursor: str | None, *, show: Callable[[Found], Item]
) -> Page[Item]:
    """A page of a list that is here as a whole, and that only grows at its end."""
    start = number_of(cursor)
    end = start + limit
    return Page(
        items=[show(one) for one in found[start:end]],
        next_cursor=str(end) if end < len(found) else None,
    )


def sliced_by(
    found: Sequence[Found],
    limit: int,
    cursor: str | None,
    *,
    show: Callable[[Found], Item],
    key: Callable[[Found], tuple[str, ...]],
) -> Page[Item]:
    """A page of a list that is here as a whole and may lose and gain items anywhere meanwhile.

    Args:
        key: the order, and what the cursor holds of the last item; no other item has the same.
    """
    whole = sorted(found, key=key)
    start = 0 if cursor is None else bisect_right(whole, _key_of(cursor), key=key)
    some = whole[start : start + limit]
    more = start + limit < len(whole)
    return Page(
        items=[show(one) for one in some],
        next_cursor=json.dumps(key(some[-1]), separators=(",", ":")) if more else None,
    )


def _key_of(cursor: str) -> tuple[str, ...]:
    try:
        given = json.loads(cursor)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, list) or not all(isinstance(part, str) for part in given):
        raise InvalidInputError("the cursor is not one that this list gave")
    return tuple(given)
