"""The honesty loop: a calm reference is within its budget, a restless one is not called calm."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from governance.evidence.drift.normal.false_alarms import DAYS_OF_A_MONTH, measure
from governance.evidence.drift.profiles.block import ProfileBlock
from governance.evidence.drift.profiles.edges import edges_of
from governance.evidence.drift.profiles.layout import Layout
from governance.evidence.drift.profiles.profiling import profile_table
from governance.policy.drift.limits import DriftLimits
from governance.values import Verdict

FIRST = date(2026, 3, 2)


def _days(shifts: list[float]) -> tuple[Layout, list[tuple[date, str, ProfileBlock]]]:
    rng = np.random.default_rng(5)
    tables = [
        pa.table({f"f{number}": rng.normal(shift, 1, 300) for number in range(8)})
        for shift in shifts
    ]
    together = pa.concat_tables(tables)
    layout = Layout(tuple(edges_of(name, together[name]) for name in together.column_names))
    return layout, [
        (FIRST + timedelta(days=at), "day", profile_table(layout, table))
        for at, table in enumerate(tables)
    ]


def test_days_without_drift_stay_within_the_budget() -> None:
    layout, days = _days([0.0] * 100)
    found = measure(layout, days, DriftLimits())
    assert (found.days, found.features) == (100, 8)
    assert found.alarm_days == 0
    assert found.verdict is Verdict.PASS
    assert measure(layout, days[:60], DriftLimits()).verdict is Verdict.INSUFFICIENT
    assert found.per_month is not None and found.per_month <= 1
    assert found.flagged_share is not None and found.flagged_share < 0.05
    assert found.upper_bound is not None and found.upper_bound > found.per_month


def test_days_that_are_not_alike_raise_alarms_and_the_budget_is_not_kept() -> None:
    restless = [3.0 if number % 7 in (2, 3) else 0.0 for number in range(90)]
    layout, days = _days(restless)
    eager = DriftLimits(flagged_q=0.5, urgent_q=0.2, calm_days=1)
    found = measure(layout, days, eager)
    assert found.alarm_days >= 5
    assert found.per_month is not None
    assert math.isclose(found.per_month, found.alarm_days / (found.days / DAYS_OF_A_MONTH))
    assert found.verdict is Verdict.FAIL


def test_too_few_days_cannot_tell() -> None:
    layout, days = _days([0.0] * 3)
    found = measure(layout, days, DriftLimits())
    assert found.verdict is Verdict.INSUFFICIENT
    assert found.per_month is None
    assert found.upper_bound is None
