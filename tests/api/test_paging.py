"""Pages of lists that change while somebody turns them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance import api
from governance.api.paging import sliced, sliced_by
from governance.errors import InvalidInputError


def _key(item: str) -> tuple[str, ...]:
    return (item,)


@given(
    st.sets(st.text(max_size=3), max_size=12),
    st.sets(st.text(max_size=3), max_size=4),
    st.sets(st.text(max_size=3), max_size=4),
    st.integers(1, 5),
)
def test_what_stays_is_shown_once_whatever_comes_and_goes(
    there: set[str], gone: set[str], new: set[str], limit: int
) -> None:
    first = sliced_by(sorted(there), limit, None, show=str, key=_key)
    shown, cursor = list(first.items), first.next_cursor
    now = (there - gone) | new
    while cursor is not None:
        page = sliced_by(list(now), limit, cursor, show=str, key=_key)
        shown += page.items
        cursor = page.next_cursor
    assert len(shown) == len(set(shown))
    assert set(shown) >= there - gone
    assert set(shown) <= there | new


@given(st.integers(0, 30), st.integers(1, 7))
def test_a_list_that_grows_at_its_end_is_covered_once(length: int, limit: int) -> None:
    found, cursor = [], None
    while True:
        page = sliced(range(length), limit, cursor, show=int)
        found += page.items
        if (cursor := page.next_cursor) is None:
            break
    assert found == list(range(length))


@pytest.mark.parametrize("cursor", ["", "x", "1", "{}", "[1]", '["a", null]', "[" * 5000, "null"])
def test_a_cursor_that_no_page_gave(cursor: str) -> None:
    with pytest.raises(InvalidInputError, match="cursor"):
        sliced_by(["a"], 1, cursor, show=str, key=_key)


def test_every_list_is_paged_by_the_one_module() -> None:
    """A route that answers with a `Page` has it from `paging`, or from the registry's own pages."""
    assert api.__file__ is not None
    paged = 0
    for file in sorted((Path(api.__file__).parent / "routes").glob("*.py")):
        text = file.read_text(encoding="utf-8")
        assert "offset(" not in text.lower(), file.name
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.FunctionDef) or node.returns is None:
                continue
            if ast.unparse(node.returns).startswith("Page["):
                calls = [one.func for one in ast.walk(node) if isinstance(one, ast.Call)]
                called = {getattr(one, "id", getattr(one, "attr", "")) for one in calls}
                pages = {"page", "sliced", "sliced_by", "_versions", "_entries"}
                assert called & pages, (file.name, node.name)
                paged += 1
    assert paged >= 12
