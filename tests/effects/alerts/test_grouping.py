"""What becomes one message: a partition in order, never more messages than are allowed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from governance.effects.alerts.backoff import FIRST, LONGEST, delay
from governance.effects.alerts.grouping import message_id, messages, windows

START = datetime(2013, 2, 8, tzinfo=UTC)
times = st.lists(st.integers(0, 500), max_size=60).map(
    lambda seconds: [START + timedelta(seconds=second) for second in sorted(seconds)]
)
lengths = st.integers(0, 120).map(lambda seconds: timedelta(seconds=seconds))


@given(times, lengths)
def test_windows_hold_each_alert_once_and_are_as_long_as_they_may_be(
    created: list[datetime], length: timedelta
) -> None:
    runs = windows(created, length)
    assert [moment for run in runs for moment in created[run]] == created
    for run in runs:
        assert created[run.stop - 1] - created[run.start] <= length
        assert run.stop == len(created) or created[run.stop] - created[run.start] > length


@given(times, lengths, st.integers(-2, 30), st.integers(0, 700), st.booleans())
def test_no_more_messages_than_allowed_and_no_alert_twice(
    created: list[datetime], length: timedelta, allowed: int, at: int, flush: bool
) -> None:
    now = START + timedelta(seconds=at)
    taken, digest = messages(created, now=now, window=length, allowed=allowed, flush=flush)
    assert len(taken) <= max(0, allowed)
    held = [number for run in taken for number in range(len(created))[run]]
    assert held == sorted(set(held))
    if digest:
        assert held == list(range(len(created)))
    if flush and allowed >= len(created):
        assert held == list(range(len(created)))
    if not flush and not digest:
        assert all(created[run.start] + length <= now for run in taken)


def test_a_window_waits_for_its_end_and_nobody_waits_for_a_flush() -> None:
    created, window = [START, START + timedelta(seconds=29)], timedelta(seconds=30)

    def at(second: int, flush: bool = False) -> int:
        now = START + timedelta(seconds=second)
        return len(messages(created, now=now, window=window, allowed=20, flush=flush)[0])

    assert (at(29), at(30), at(29, flush=True)) == (0, 1, 1)


def test_a_message_is_called_after_what_it_holds() -> None:
    one, two = ("a" * 12, "opened", "a:opened:1"), ("b" * 12, "opened", "b:opened:1")
    ended = ("a" * 12, "closed", "a:closed:2")
    assert message_id("email", [one]).startswith("aaaaaaaaaaaa.opened.")
    assert message_id("email", [one, ended]).startswith("aaaaaaaaaaaa.")
    assert message_id("email", [one, two]) == message_id("email", [two, one])
    assert message_id("email", [one, two], digest=True).startswith("digest.")
    ids = [
        *(message_id("email", alerts) for alerts in ([one], [two], [one, two], [one, ended])),
        message_id("email", [one, two], digest=True),
        message_id("webhook:ops", [one]),
    ]
    assert len(set(ids)) == len(ids)


@given(st.integers(0, 10_000), st.integers())
def test_waits_double_between_five_seconds_and_five_minutes(attempts: int, seed: int) -> None:
    wait = delay(attempts, Random(seed))
    assert FIRST <= wait <= LONGEST
    assert wait >= min(LONGEST, FIRST * (1 << min(max(attempts, 1), 20) - 1)) / 2
    assert wait == delay(attempts, Random(seed)), "chance is the caller's"
