"""One page of a list whose cursor is the id of its last item.

Lists are asked for one item more than the page has, to know whether another page follows; where
the page is as large as a list may be, another one is offered and may be empty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from governance.api.shapes.parts import LARGEST_PAGE, Page

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
