"""The alarm rules as a fold over looks: when they begin, when they end, and no flicker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.policy.drift.episodes import Episode, EpisodeEvent, explained, step
from governance.policy.drift.facts import FeatureFigures, Finding, Look
from governance.policy.drift.findings import judge
from governance.policy.drift.limits import DriftLimits

LIMITS = DriftLimits()
MIDNIGHT = datetime(2026, 3, 9, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def _figures(name: str, q: float = 0.9, effect: float = 0.02, **given: Any) -> FeatureFigures:
    known = {"rows": 1000, "reference_rows": 9000, "missing_share": 0.0, "p_value": q / 2}
    return FeatureFigures(
        feature=name,
        kind="numeric",
        reference_missing_share=0.0,
        q_value=q,
        effect=effect,
        **{**known, **given},
    )


CALM = (_figures("a"), _figures("b"), _figures("c"))
FLAGGED = (_figures("a", 0.01, 0.15), _figures("b"), _figures("c"))
OTHER = (_figures("a"), _figures("b", 0.01, 0.15), _figures("c"))
URGENT = (_figures("a", 1e-6, 0.4), _figures("b", 1e-6, 0.4), _figures("c"))
ONE_URGENT = (_figures("a", 1e-6, 0.4), _figures("b"), _figures("c"))
MANY = tuple(_figures(name, 0.06, 0.15, p_value=0.03) for name in "abc")
GONE = (_figures("a", problem=Finding.COLUMN_MISSING), _figures("b"), _figures("c"))


def _run(
    *looks: tuple[datetime, tuple[FeatureFigures, ...], dict[str, Any]],
    state: Episode | None = None,
) -> tuple[Episode, list[EpisodeEvent]]:
    state = state or Episode()
    events: list[EpisodeEvent] = []
    for at, figures, told in looks:
        more = dict(told)
        look = Look(features=figures, rows=more.pop("rows", 1000), **more)
        state, new = step(state, judge(look, LIMITS), look, at=at, limits=LIMITS)
        state = Episode.from_json(state.as_json())  # as it is kept
        events += new
    return state, events


def _close(day: int, figures: tuple[FeatureFigures, ...], breadth: float | None = 0.5) -> Any:
    return MIDNIGHT + day * DAY, figures, {"day_close": True, "breadth_p": breadth}


def _hour(hour: int, figures: tuple[FeatureFigures, ...], **more: Any) -> Any:
    return MIDNIGHT + hour * HOUR, figures, more


def _said(events: list[EpisodeEvent]) -> list[tuple[str, str, str]]:
    return [(event.kind, event.event, event.rule) for event in events]


def test_two_severe_features_raise_an_alarm_at_any_hour_and_one_does_not() -> None:
    assert _said(_run(_hour(7, URGENT))[1]) == [("drift", "opened", "urgent")]
    assert _run(_hour(7, ONE_URGENT))[1] == []


def test_a_feature_flagged_two_days_running_raises_an_alarm_at_the_second_close() -> None:
    state, events = _run(_close(0, FLAGGED), _hour(5, FLAGGED), _close(1, FLAGGED))
    assert _said(events) == [("drift", "opened", "sustained")]
    assert events[0].features == ("a",)
    assert events[0].opened_at == MIDNIGHT + DAY
    assert state.alarmed


@pytest.mark.parametrize("second", [OTHER, CALM])
def test_two_flags_of_different_features_or_a_day_between_raise_none(second: Any) -> None:
    assert _run(_close(0, FLAGGED), _close(1, second), _close(2, FLAGGED))[1] == []


def test_closes_with_a_gap_are_not_in_a_row() -> None:
    assert _run(_close(0, FLAGGED), _close(2, FLAGGED))[1] == []


def test_many_small_changes_raise_an_alarm_together() -> None:
    assert _said(_run(_close(0, MANY, 0.05), _close(1, MANY, 0.03))[1]) == [
        ("drift", "opened", "breadth")
    ]
    assert _run(_close(0, MANY, 0.3), _close(1, MANY, 0.1))[1] == []
    assert _run(_close(0, CALM, 1e-6), _close(1, CALM, 1e-6))[1] == [], "without any effect"
    assert _run(_close(0, MANY, None), _close(1, MANY, 0.001))[1] == [], "one day is not known"


def test_a_look_that_raises_an_alarm_is_never_called_normal() -> None:
    state, _ = _run(_close(0, MANY, 0.05))
    look = Look(features=MANY, rows=1000, day_close=True, breadth_p=0.03)
    judged = judge(look, LIMITS)
    _, events = step(state, judged, look, at=MIDNIGHT + DAY, limits=LIMITS)
    assert judged.severity == "normal"
    said = explained(judged, events)
    assert said.severity == "moderate"
    assert "a, b, c" in said.reasons[0]
    assert explained(judged, ()) == judged


def test_an_alarm_ends_after_two_calm_closes_in_a_row_and_not_before() -> None:
    raised = _run(_hour(7, URGENT))[0]
    calm = [_close(1, CALM), _close(2, FLAGGED), _close(3, CALM)]
    state, events = _run(*calm, state=raised)
    assert events == []
    assert state.drift is not None
    state, events = _run(_close(4, CALM), state=state)
    assert _said(events) == [("drift", "closed", "urgent")]
    assert events[0].closed_reason
    assert not state.alarmed


def test_a_day_of_which_nothing_is_known_does_not_end_an_alarm() -> None:
    raised = _run(_hour(7, URGENT))[0]
    blind = (MIDNIGHT + DAY, CALM, {"day_close": True, "breadth_p": None, "rows": 3})
    assert _run(blind, _close(2, CALM), state=raised)[0].drift is not None


def test_an_alarm_that_goes_on_is_one_alarm_and_a_worse_one_is_told() -> None:
    mild = (*_run(_close(0, FLAGGED), _close(1, FLAGGED)),)[0]
    state, events = _run(_close(2, FLAGGED), _hour(55, URGENT), _hour(56, URGENT), state=mild)
    assert _said(events) == [("drift", "updated", "urgent")]
    assert state.drift is not None
    assert set(state.drift.features) == {"a", "b"}


def test_a_close_at_which_the_drifted_feature_cannot_be_seen_is_not_calm() -> None:
    raised = _run(_hour(7, URGENT))[0]
    lost = tuple(
        _figures(name, problem=Finding.COLUMN_MISSING) if name in "ab" else _figures(name)
        for name in "abc"
    )
    state, events = _run(_close(1, lost), _close(2, lost), _close(3, lost), state=raised)
    assert ("drift", "closed", "urgent") not in _said(events)
    assert state.drift is not None
    assert _run(_close(4, CALM), _close(5, CALM), state=state)[0].drift is None


def test_an_alarm_that_goes_on_starts_the_count_of_calm_closes_anew() -> None:
    raised = _run(_hour(7, URGENT))[0]
    assert _run(_close(1, CALM), _hour(30, URGENT), _close(2, CALM), state=raised)[0].drift


def test_a_close_that_is_unusual_as_a_whole_is_not_calm() -> None:
    raised = _run(_hour(7, URGENT))[0]
    assert _run(_close(1, CALM, 0.04), _close(2, CALM, 0.04), state=raised)[0].drift


def test_closes_of_a_day_of_25_hours_are_in_a_row() -> None:
    late = (MIDNIGHT + 25 * HOUR, FLAGGED, {"day_close": True, "breadth_p": 0.5})
    assert _said(_run(_close(0, FLAGGED), late)[1]) == [("drift", "opened", "sustained")]


def test_a_model_with_one_feature_needs_one() -> None:
    one = (_figures("a", 1e-6, 0.4),)
    assert _said(_run(_hour(7, one))[1]) == [("drift", "opened", "urgent")]


def test_breadth_needs_features_with_an_effect() -> None:
    small = tuple(_figures(name, 0.06, 0.09, p_value=0.03) for name in "abc")
    assert _run(_close(0, small, 1e-6), _close(1, small, 1e-6))[1] == []
    one = (_figures("a", 0.06, 0.15, p_value=0.03), _figures("b"), _figures("c"))
    assert _run(_close(0, one, 1e-6), _close(1, one, 1e-6))[1] == []


def test_data_that_are_only_somewhat_worse_are_no_alarm() -> None:
    some = (_figures("a", missing_share=0.06), _figures("b"), _figures("c"))
    assert _run(_hour(1, some), _hour(2, some))[1] == []


def test_one_lost_hour_is_no_alarm_though_it_lies_in_a_whole_day_of_looks() -> None:
    lost = {f"2026-03-09T{hour:02d}:00:00Z": "missing" for hour in range(LIMITS.missed_looks)}
    one = dict(list(lost.items())[:1])
    assert _run(*[_hour(n, CALM, missing_hours=one) for n in range(24)])[1] == []
    assert _said(_run(*[_hour(n, CALM, missing_hours=lost) for n in range(6)])[1]) == [
        ("data", "opened", "missed")
    ]


def test_a_look_that_sees_too_little_starts_the_count_of_good_looks_anew() -> None:
    state = _run(_hour(1, GONE))[0]
    turns = [_hour(2 + n, CALM, rows=0 if n % 2 else 1000) for n in range(14)]
    assert _run(*turns, state=state)[0].data is not None


def test_a_worse_alarm_names_its_own_rule() -> None:
    state, _ = _run(*[_hour(n, CALM, rows=0) for n in range(LIMITS.missed_looks)])
    state, events = _run(_hour(9, GONE), state=state)
    assert _said(events) == [("data", "updated", "data")]
    assert state.data is not None and state.data.rule == "data"


def test_a_lost_column_is_an_alarm_about_data_at_once() -> None:
    state, events = _run(_hour(1, GONE), _hour(2, GONE))
    assert _said(events) == [("data", "opened", "data")]
    good = [_hour(3 + number, CALM) for number in range(LIMITS.missed_looks)]
    assert _said(_run(*good[:-1], state=state)[1]) == []
    assert _said(_run(*good, state=state)[1]) == [("data", "closed", "data")]


def test_too_little_data_again_and_again_is_an_alarm() -> None:
    empty = [_hour(number, CALM, rows=0) for number in range(LIMITS.missed_looks)]
    assert _run(*empty[:-1])[1] == []
    assert _said(_run(*empty)[1]) == [("data", "opened", "missed")]
    broken = [*empty[:3], _hour(3, CALM), *empty[4:]]
    assert _run(*broken)[1] == []


kinds = st.sampled_from([CALM, FLAGGED, OTHER, URGENT, ONE_URGENT, MANY, GONE])


@given(st.lists(st.tuples(kinds, st.floats(0.0001, 1), st.integers(0, 50)), max_size=60))
def test_alarms_open_and_close_in_turn_whatever_is_seen(seen: list[Any]) -> None:
    state, open_kinds = Episode(), set[str]()
    for number, (figures, breadth, rows) in enumerate(seen):
        more = {"day_close": number % 3 == 0, "breadth_p": breadth, "rows": rows * 40}
        state, events = _run((MIDNIGHT + number * 8 * HOUR, figures, more), state=state)
        for event in events:
            assert (event.kind in open_kinds) == (event.event != "opened")
            if event.event == "closed":
                open_kinds.remove(event.kind)
            open_kinds.add(event.kind) if event.event == "opened" else None
        assert state.alarmed == bool(open_kinds)
