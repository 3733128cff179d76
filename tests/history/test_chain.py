"""Laws of the hash chain, on arbitrary entries."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.history.chain import COLUMNS, GENESIS, BrokenChainError, Head, Row, entry_hash, walk

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
FIELDS = st.tuples(TEXT, TEXT, TEXT, TEXT, TEXT, TEXT)


def chain(entries: list[tuple[str, str, str, str, str, str]]) -> list[Row]:
    rows: list[Row] = []
    previous = GENESIS
    for seq, fields in enumerate(entries, start=1):
        computed = entry_hash(seq, *fields, previous)
        rows.append((seq, *fields, previous, computed))
        previous = computed
    return rows


def test_the_hash_is_the_documented_one() -> None:
    """Written out by hand, so that no later version reads old logs as changed."""
    text = (
        "1:1,27:2013-02-01T00:00:00.000000Z,3:ann,16:model.registered,8:momentum,"
        "12:0123456789ab,9:{\"a\":\"é\"},64:" + "0" * 64 + ","
    )  # fmt: skip
    assert (
        entry_hash(
            1,
            "2013-02-01T00:00:00.000000Z",
            "ann",
            "model.registered",
            "momentum",
            "0123456789ab",
            '{"a":"é"}',
            GENESIS,
        )
        == hashlib.sha256(text.encode()).hexdigest()
        == "9c31d39cae446d1d262a5aef0e986b707fa0484692bf6eb49ed482bf1cce8e43"
    )


@given(st.lists(FIELDS, max_size=6), st.integers(0, 6))
def test_walking_in_two_parts_is_walking_at_once(
    entries: list[tuple[str, str, str, str, str, str]], cut: int
) -> None:
    rows = chain(entries)
    assert walk(rows[cut:], walk(rows[:cut], Head())) == walk(rows, Head())
    assert walk([], Head(3, "x")) == Head(3, "x")
    assert walk(rows, Head()).seq == len(rows)


@given(st.tuples(TEXT, TEXT, TEXT, TEXT, TEXT, TEXT), st.tuples(TEXT, TEXT, TEXT, TEXT, TEXT, TEXT))
def test_different_columns_have_different_hashes(
    one: tuple[str, str, str, str, str, str], other: tuple[str, str, str, str, str, str]
) -> None:
    same = entry_hash(1, *one, GENESIS) == entry_hash(1, *other, GENESIS)
    assert same == (one == other)


@given(st.lists(FIELDS, min_size=1, max_size=6), st.data())
def test_a_change_of_any_column_of_any_entry_is_named(
    entries: list[tuple[str, str, str, str, str, str]], data: st.DataObject
) -> None:
    rows = chain(entries)
    place = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.sampled_from(range(1, len(COLUMNS))))
    changed = list(rows[place])
    changed[column] = data.draw(
        st.one_of(TEXT, st.none(), st.binary(max_size=3), st.integers()).filter(
            lambda value: value != changed[column]
        )
    )
    bad: list[Row] = [*rows[:place], tuple(changed), *rows[place + 1 :]]  # type: ignore[list-item]  # what an attacker stores has any type
    with pytest.raises(BrokenChainError) as broken:
        walk(bad, Head())
    assert broken.value.seq == place + 1


@given(st.lists(FIELDS, min_size=2, max_size=6), st.data())
def test_a_missing_or_repeated_entry_is_named(
    entries: list[tuple[str, str, str, str, str, str]], data: st.DataObject
) -> None:
    rows = chain(entries)
    place = data.draw(st.integers(0, len(rows) - 2))
    for bad, seq in (
        (rows[:place] + rows[place + 1 :], place + 1),
        (rows[: place + 1] + rows[place:], place + 2),
        ([*rows[:place], rows[place + 1], rows[place], *rows[place + 2 :]], place + 1),
    ):
        with pytest.raises(BrokenChainError) as broken:
            walk(bad, Head())
        assert broken.value.seq == seq
