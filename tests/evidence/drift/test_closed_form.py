"""The null and the score against their formulas, written once more and slowly, by feature."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from scipy.special import digamma, polygamma
from scipy.stats import norm
from scipy.stats import t as student

from governance.evidence.drift.normal.comparison import compare
from governance.evidence.drift.normal.reference import Reference
from governance.evidence.drift.profiles.block import ProfileBlock
from governance.evidence.drift.profiles.edges import numeric_edges
from governance.evidence.drift.profiles.layout import Layout
from governance.evidence.drift.profiles.profiling import profile_table

FIRST = date(2026, 3, 2)
MEAN, SD = 0.8687, 0.2603  # of Kolmogorov's limit distribution


def _ks(reference: np.ndarray, current: np.ndarray) -> float:
    upto = [np.cumsum(counts) / counts.sum() for counts in (reference, current)]
    return float(np.abs(upto[0] - upto[1]).max())


def _days(features: int, rows: int = 120) -> tuple[Layout, list[tuple[date, str, ProfileBlock]]]:
    rng = np.random.default_rng(3)
    tables = []
    for day in range(11):
        level = rng.normal(0, 0.3, features) + (0.5 if day >= 7 else 0.0)
        tables.append(
            pa.table({f"f{n}": rng.normal(level[n], 1 + n / 3, rows) for n in range(features)})
        )
    together = pa.concat_tables(tables)
    layout = Layout(
        tuple(numeric_edges(name, together[name].to_numpy()) for name in together.column_names)
    )
    return layout, [
        (FIRST + timedelta(days=at), "a" if at < 7 else "b", profile_table(layout, table))
        for at, table in enumerate(tables)
    ]


def _null(days: list[tuple[date, str, ProfileBlock]], feature: int) -> dict[str, list[float]]:
    """The root of each day's distance to the other days of its class."""
    made: dict[str, list[float]] = {}
    for _, name, block in days:
        own = block.counts[feature]
        others = sum(b.counts[feature] for _, n, b in days if n == name and b is not block)
        made.setdefault(name, []).append(np.sqrt(_ks(np.asarray(others), own)))
    return made


def _pooled(nulls: dict[str, list[float]]) -> tuple[float, int]:
    left = np.concatenate([np.asarray(found) - np.mean(found) for found in nulls.values()])
    freedom = len(left) - len(nulls)
    return float((left**2).sum() / freedom), freedom


def test_below_five_features_each_has_its_own_pooled_variance() -> None:
    layout, days = _days(3)
    reference = Reference.from_days(layout, days, minimum=5)
    for feature in range(3):
        nulls = _null(days, feature)
        variance, freedom = _pooled(nulls)
        assert reference.variance[feature] == pytest.approx(variance, rel=1e-9)
        assert reference.freedom[feature] == freedom == 9
        for name, found in nulls.items():
            assert reference.classes[name].distance[feature] == pytest.approx(np.mean(found))


def test_variances_are_moderated_as_smyth_wrote_it() -> None:
    layout, days = _days(8)
    reference = Reference.from_days(layout, days, minimum=5)
    own = np.array([_pooled(_null(days, feature))[0] for feature in range(8)])
    e = np.log(own) - digamma(9 / 2) + np.log(9 / 2)
    excess = e.var(ddof=1) - polygamma(1, 9 / 2)
    if excess <= 1e-3:
        weight, prior = 1e3, float(np.exp(e.mean()))
    else:
        grid = np.exp(np.linspace(np.log(1e-3), np.log(5e2), 2_000_001))
        weight = min(2 * float(grid[np.abs(polygamma(1, grid) - excess).argmin()]), 1e3)
        prior = float(np.exp(e.mean() + digamma(weight / 2) - np.log(weight / 2)))
    expected = (weight * prior + 9 * own) / (weight + 9)
    assert reference.variance == pytest.approx(expected, rel=1e-4)
    assert reference.freedom == pytest.approx(np.full(8, 9 + weight), rel=1e-4)


@pytest.mark.parametrize("rows", [120, 40])
def test_a_window_is_studentised_against_the_days_of_its_class(rows: int) -> None:
    layout, days = _days(3)
    reference = Reference.from_days(layout, days, minimum=5)
    rng = np.random.default_rng(4)
    window = profile_table(layout, pa.table({f"f{n}": rng.normal(0.8, 1, rows) for n in range(3)}))
    found = compare(window, "a", rolling=reference)
    for feature, figures in enumerate(found.features):
        nulls = _null(days, feature)["a"]
        variance, freedom = _pooled(_null(days, feature))
        pooled = np.asarray(sum(block.counts[feature] for _, name, block in days if name == "a"))
        distance = _ks(pooled, window.counts[feature])
        fewer = max(1 / rows - 1 / 120, 0.0)
        mean = np.sqrt(np.hypot(np.mean(nulls) ** 2, MEAN * np.sqrt(fewer)))
        floor = min(SD**2 / rows / (4 * mean**2), 1e-2)
        spread = max(variance, floor) + SD**2 * fewer / (4 * mean**2)
        score = (np.sqrt(distance) - mean) / np.sqrt(spread * (1 + 1 / len(nulls)))
        assert figures.effect == pytest.approx(distance)
        assert figures.z == pytest.approx(score, rel=1e-6)
        assert figures.p_value == pytest.approx(student.sf(score, freedom), rel=1e-6)


def test_breadth_is_studentised_against_the_breadth_of_the_reference_days() -> None:
    layout, days = _days(3)
    reference = Reference.from_days(layout, days, minimum=5)
    nulls = [_null(days, feature) for feature in range(3)]
    variances = [_pooled(found) for found in nulls]
    values = []
    for name, count in (("a", 7), ("b", 4)):
        for day in range(count):
            scores = [
                norm.isf(
                    student.sf(
                        (found[name][day] - np.mean(found[name]))
                        / np.sqrt(variance * (1 - 1 / count)),
                        freedom,
                    )
                )
                for found, (variance, freedom) in zip(nulls, variances, strict=True)
            ]
            values.append(np.log(0.1 + np.mean(np.maximum(scores, 0.0) ** 2)))
    mean, deviation, number = reference.breadth
    assert (mean, deviation) == pytest.approx((np.mean(values), np.std(values, ddof=1)), rel=1e-6)
    assert number == 11
    window = days[8][2]
    found = compare(window, "a", rolling=reference)
    scores = [norm.isf(figures.p_value) for figures in found.features]
    breadth = np.log(0.1 + np.mean(np.maximum(scores, 0.0) ** 2))
    score = (breadth - mean) / (deviation * np.sqrt(1 + 1 / 11))
    assert found.breadth_p == pytest.approx(student.sf(score, 10), rel=1e-6)


def test_a_class_of_two_days_is_not_judged() -> None:
    layout, days = _days(3)
    few = [*days[:7], *days[7:9]]
    assert set(Reference.from_days(layout, few, minimum=5).classes) == {"a"}
    assert set(Reference.from_days(layout, days[:10], minimum=5).classes) == {"a", "b"}
