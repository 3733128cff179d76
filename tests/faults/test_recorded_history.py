"""The checker of histories (F6): equal to trying every serial order, and deaf to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.recorded_history import Call, Stored, violations


def _activations(count: int) -> list[Stored]:
    return [Stored(n, f"v{n}", f"d{n}") for n in range(1, count + 1)]


def _switch(generation: int, begin: int, end: int, **given: Any) -> Call:
    told = {"decision": f"d{generation}", "version": f"v{generation}", **given}
    return Call(begin=begin, end=end, generation=generation, **told)


def _look(generation: int, begin: int, end: int, **given: Any) -> Call:
    return Call(begin=begin, end=end, generation=generation, **given)


GOOD = [
    _look(0, 0, 1),
    _switch(1, 0, 4, expected=0),
    _look(1, 3, 5, version="v1"),
    _look(0, 2, 6),  # a slow one, that looked before
    _switch(2, 3, 9),
    _look(2, 5, 9, expected=1),  # refused as stale
    Call(begin=8, end=9, generation=None),
]


def test_a_history_with_a_serial_order_has_no_violations() -> None:
    assert violations(GOOD, _activations(2)) == []
    assert violations(GOOD[4:], _activations(2), before=1) == []


@pytest.mark.parametrize(
    ("number", "change", "said"),
    [
        pytest.param(1, {"decision": "other"}, "is lost", id="an acknowledged decision is lost"),
        pytest.param(4, {"version": "v1"}, "another version", id="another version"),
        pytest.param(4, {"expected": 0}, "from another", id="a stale promoter wins"),
        pytest.param(5, {"expected": 2}, "was expected", id="refused without a reason"),
        pytest.param(2, {"version": "v2"}, "not live then", id="seen and not live"),
        pytest.param(2, {"generation": 3}, "is not there", id="seen and not there"),
        pytest.param(0, {"begin": 5, "end": 6}, "after its time", id="an old state is seen"),
        pytest.param(5, {"begin": 0, "end": 2}, "after its time", id="a state is seen too early"),
        pytest.param(4, {"begin": 0, "end": 0}, "before it", id="switches out of order"),
        pytest.param(4, {"generation": None, "decision": None}, "no call", id="nobody's switch"),
    ],
)
def test_what_no_order_explains_is_found(number: int, change: dict[str, Any], said: str) -> None:
    told = [*GOOD]
    told[number] = replace(told[number], **change)
    assert any(said in one for one in violations(told, _activations(2)))


def test_a_generation_given_twice_and_a_gap_are_found() -> None:
    twice = [*GOOD, _switch(2, 3, 9, decision="d9")]
    assert "generation 2 was given to two callers" in violations(twice, _activations(2))
    assert any("not 1, 2" in one for one in violations(GOOD, _activations(3)[1:]))


_moment = st.integers(0, 12)


@st.composite
def _told(draw: st.DrawFn) -> list[Call]:
    switches = draw(st.integers(0, 3))
    looks = draw(st.lists(st.integers(0, switches), max_size=5 - switches))
    times = [sorted((draw(_moment), draw(_moment))) for _ in range(switches + len(looks))]
    made = [_switch(n + 1, *times[n]) for n in range(switches)]
    return made + [_look(g, *times[switches + n]) for n, g in enumerate(looks)]


@given(_told())
def test_it_says_what_trying_every_order_says(calls: list[Call]) -> None:
    made = [call for call in calls if call.decision is not None]
    assert (violations(calls, _activations(len(made))) == []) == _explained(calls)


def _explained(calls: Sequence[Call]) -> bool:
    """Is there an order that keeps to the clock and to a compare-and-set register?"""
    return any(_keeps_to_the_clock(order) and _replays(order) for order in permutations(calls))


def _keeps_to_the_clock(order: Sequence[Call]) -> bool:
    return not any(
        later.end < call.begin for n, call in enumerate(order) for later in order[n + 1 :]
    )


def _replays(order: Sequence[Call]) -> bool:
    stands = 0
    for call in order:
        if call.decision is not None:
            stands += 1
        if call.generation != stands:
            return False
    return True
