"""What is normal: day blocks, their null, and that a reference survives being kept."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from governance.errors import IntegrityError
from governance.evidence.drift.normal.comparison import compare
from governance.evidence.drift.normal.reference import (
    Reference,
    breadth_of,
    distances,
    normal_scores,
)
from governance.evidence.drift.profiles.block import ProfileBlock
from governance.evidence.drift.profiles.edges import edges_of
from governance.evidence.drift.profiles.layout import Layout
from governance.evidence.drift.profiles.profiling import profile_table
from governance.policy.drift.facts import Finding

FIRST = date(2026, 3, 2)
ROWS = 400


def _table(rng: np.random.Generator, rows: int = ROWS, **changed: Any) -> pa.Table:
    columns = {
        "wide": rng.normal(100, 15, rows),
        "heavy": np.where(rng.random(rows) < 0.8, 0.0, rng.exponential(1, rows)),
        "few": rng.integers(1, 6, rows),
        "text": rng.choice(["a", "b", "c", "d"], rows, p=[0.5, 0.3, 0.15, 0.05]),
        "still": np.full(rows, 7.0),
        **changed,
    }
    return pa.table({name: column for name, column in columns.items() if column is not None})


def _days(
    number: int, *, seed: int = 1
) -> tuple[Layout, list[tuple[date, str, ProfileBlock]], np.random.Generator]:
    rng = np.random.default_rng(seed)
    tables = [_table(rng) for _ in range(number)]
    together = pa.concat_tables(tables)
    layout = Layout(tuple(edges_of(name, together[name]) for name in together.column_names))
    days = [
        (
            FIRST + timedelta(days=at),
            "weekend" if (FIRST + timedelta(days=at)).weekday() >= 5 else "weekday",
            profile_table(layout, table),
        )
        for at, table in enumerate(tables)
    ]
    return layout, days, rng


def test_a_reference_is_the_same_after_being_kept_and_in_any_order_of_its_days() -> None:
    layout, days, rng = _days(30)
    reference = Reference.from_days(layout, days, minimum=5)
    window = profile_table(layout, _table(rng))
    expected = compare(window, "weekday", rolling=reference, frozen=reference)
    again = Reference.decode(reference.encode(), layout)
    backwards = Reference.from_days(layout, days[::-1], minimum=5)
    for other in (again, backwards):
        assert compare(window, "weekday", rolling=other, frozen=other) == expected
        assert other.days == reference.days


def test_bytes_that_are_no_reference_are_refused() -> None:
    layout, days, _ = _days(6)
    data = Reference.from_days(layout, days, minimum=5).encode()
    with pytest.raises(IntegrityError):
        Reference.decode(data[:-3], layout)


def test_without_enough_days_there_is_no_null_and_nothing_is_called_calm() -> None:
    layout, days, rng = _days(4)
    reference = Reference.from_days(layout, days, minimum=5)
    assert not reference.calibrated
    found = compare(profile_table(layout, _table(rng)), "weekday", rolling=reference)
    assert found.breadth_p is None
    assert all(figures.q_value is None for figures in found.features)
    assert found.features[0].ks is not None, "what can be measured is shown"


def test_days_without_rows_are_no_days_of_the_reference() -> None:
    layout, days, _ = _days(10)
    empty = [(FIRST + timedelta(days=40), "weekday", ProfileBlock.empty(layout))]
    with_empty = Reference.from_days(layout, [*days, *empty], minimum=5)
    assert with_empty.days == Reference.from_days(layout, days, minimum=5).days


def test_days_without_drift_have_p_values_that_are_not_too_small() -> None:
    layout, days, rng = _days(30)
    reference = Reference.from_days(layout, days, minimum=5)
    moving = [layout.index[name] for name in ("wide", "heavy", "few", "text")]
    p_values = []
    for _ in range(200):
        found = compare(profile_table(layout, _table(rng)), "weekday", rolling=reference)
        p_values += [found.features[at].p_value for at in moving]
    assert np.mean(np.asarray(p_values) <= 0.05) <= 0.08
    assert np.mean(np.asarray(p_values) <= 0.001) <= 0.01
    assert kstest(p_values, "uniform", alternative="greater").statistic <= 0.12


def test_one_and_the_same_value_on_both_sides_is_told_apart_from_a_calm_feature() -> None:
    layout, days, rng = _days(20)
    reference = Reference.from_days(layout, days, minimum=5)
    same = compare(profile_table(layout, _table(rng)), "weekday", rolling=reference)
    still = same.features[layout.index["still"]]
    assert still.single and still.effect == 0
    other = _table(rng, still=np.full(ROWS, 8.0))
    moved = compare(profile_table(layout, other), "weekday", rolling=reference)
    figures = moved.features[layout.index["still"]]
    assert figures.q_value is not None and figures.q_value < 1e-4 and figures.effect == 1.0


def test_a_column_that_is_gone_or_changed_has_its_problem_and_the_others_their_figures() -> None:
    layout, days, rng = _days(20)
    reference = Reference.from_days(layout, days, minimum=5)
    broken = _table(rng, wide=None, few=rng.choice(["x", "y"], ROWS))
    found = compare(profile_table(layout, broken), "weekday", rolling=reference)
    problems = {figures.feature: figures.problem for figures in found.features}
    assert problems["wide"] is Finding.COLUMN_MISSING
    assert problems["few"] is Finding.WRONG_DTYPE
    assert problems["text"] is None
    assert found.features[layout.index["text"]].q_value is not None


def test_a_feature_that_became_constant_and_one_with_new_values_are_seen() -> None:
    layout, days, rng = _days(20)
    reference = Reference.from_days(layout, days, minimum=5)
    changed = _table(rng, wide=np.full(ROWS, 100.0), text=np.full(ROWS, "never seen"))
    found = compare(profile_table(layout, changed), "weekday", rolling=reference)
    wide, text = found.features[layout.index["wide"]], found.features[layout.index["text"]]
    assert wide.constant and wide.q_value is not None and wide.q_value < 1e-4
    assert text.new_share == 1.0


def test_a_class_that_the_reference_never_had_is_not_judged() -> None:
    layout, days, rng = _days(20)
    weekdays = [item for item in days if item[1] == "weekday"]
    reference = Reference.from_days(layout, weekdays, minimum=5)
    found = compare(profile_table(layout, _table(rng)), "weekend", rolling=reference)
    assert all(figures.problem is Finding.NO_REFERENCE for figures in found.features)


def test_a_feature_may_be_judged_against_the_frozen_days_alone() -> None:
    layout, days, rng = _days(20)
    reference = Reference.from_days(layout, days, minimum=5)
    other = [
        (day, name, profile_table(layout, _table(rng, wide=rng.normal(130, 15, ROWS))))
        for day, name, _ in days
    ]
    former = Reference.from_days(layout, other, minimum=5)
    window = profile_table(layout, _table(rng))
    at = layout.index["wide"]
    plain = compare(window, "weekday", rolling=former, frozen=reference).features[at]
    mixed = compare(
        window, "weekday", rolling=former, frozen=reference, by_frozen=["wide"]
    ).features
    assert plain.q_value is not None and plain.q_value < 1e-4
    expected = compare(window, "weekday", rolling=reference).features[at]
    assert mixed[at].z == expected.z and mixed[at].psi == expected.psi
    assert mixed[at].mean_shift == expected.mean_shift
    unknown = compare(window, "weekday", rolling=former, by_frozen=["wide"]).features[at]
    assert unknown == compare(window, "weekday", rolling=former).features[at], "as far as it can be"


def test_a_short_window_is_not_called_drifted_for_being_short() -> None:
    layout, days, rng = _days(30)
    reference = Reference.from_days(layout, days, minimum=5)
    small = [
        compare(profile_table(layout, _table(rng, 40)), "weekday", rolling=reference)
        for _ in range(100)
    ]
    wide = [found.features[layout.index["wide"]].p_value for found in small]
    assert np.mean(np.asarray(wide) <= 0.01) <= 0.05


@given(st.lists(st.integers(0, 9), min_size=4, max_size=4), st.integers(0, 9))
def test_distances_lie_between_0_and_1_or_do_not_exist(row: list[int], more: int) -> None:
    layout, days, _ = _days(1)
    counts = days[0][2].counts
    other = counts.copy()
    other[:, :4] += np.asarray(row)
    found = distances(layout, counts, other * (more > 0))
    assert np.all(np.isnan(found) | ((found >= 0) & (found <= 1 + 1e-12)))
    assert np.isnan(found).all() == (more == 0)


def test_breadth_grows_with_what_moves_and_ignores_what_is_unknown() -> None:
    calm = np.zeros(50)
    moved = calm.copy()
    moved[:5] = 3.0
    unknown = np.r_[moved, np.full(50, np.nan)]
    assert breadth_of(moved) > breadth_of(calm)
    assert breadth_of(unknown) == breadth_of(moved)
    assert np.isfinite(normal_scores(np.array([1e9, -1e9]), np.array([5.0, 5.0]))).all()
