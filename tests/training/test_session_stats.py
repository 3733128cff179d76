"""The figures of one version in one session, against the references that define them."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from governance.config.model import Trading
from governance.evidence.drift.statistics import psi_samples
from governance.evidence.measured import Vector
from governance.evidence.trading import trading_metrics
from governance.registry.features import FeatureGraph
from governance.training.data import FORWARD_RETURN, Labels
from governance.training.positions import positions_from_scores
from governance.training.session_rows import Session, sessions
from governance.training.session_stats import WINDOW_ROWS, Ran, Runner, run, session_stats
from governance.values import Kind

START = datetime(2020, 1, 1, tzinfo=UTC)
TRADING = Trading(cost_bps=5.0, periods_per_year=252)
ROWS = 400
CHANCE = np.random.default_rng(3)
SCORES = CHANCE.uniform(0.01, 0.99, size=ROWS)
RETURNS = CHANCE.normal(scale=0.01, size=ROWS)
TRUTH = (CHANCE.uniform(size=ROWS) < SCORES).astype(float)


def frame_of(step: timedelta) -> pd.DataFrame:
    times = pd.Series([START + number * step for number in range(ROWS)])
    return pd.DataFrame({"time": times.astype("datetime64[us, UTC]"), "said": SCORES})


def runner(predict: Any = None, reference: Vector | None = None, **positions: float) -> Runner:
    return Runner(
        version_id="0" * 12,
        predict=predict or (lambda features: features["said"]),
        graph=FeatureGraph.of(["said"]) or FeatureGraph((), ["said"]),
        reference=np.zeros(0) if reference is None else reference,
        positions=positions,
    )


def labels_of(frame: pd.DataFrame, values: Any = TRUTH) -> Labels:
    return Labels(
        values=pd.Series(values, index=frame.index),
        known_at=frame["time"],
        extra=pd.DataFrame({FORWARD_RETURN: RETURNS}, index=frame.index),
    )


def cut(frame: pd.DataFrame, labels: Labels, kind: Kind) -> list[Session]:
    end = START + timedelta(days=1000)
    found = sessions(
        frame, labels, kind=kind, time_column="time", timezone="UTC", start=START, end=end, at=end
    )
    return [one for one in found if one.at is not None]


def stats(
    ran: Ran,
    session: Session,
    frame: pd.DataFrame,
    labels: Labels,
    *,
    kind: Kind = Kind.CLASSIFIER,
    champion: Ran | None = None,
) -> dict[str, Any]:
    return session_stats(
        ran,
        champion,
        session,
        times=frame["time"],
        labels=labels,
        kind=kind,
        trading=TRADING if kind is Kind.TRADING else None,
    )


def test_the_sessions_returns_together_are_what_the_whole_time_would_have_earned() -> None:
    frame = frame_of(timedelta(hours=9))
    labels = labels_of(frame)
    made = runner(long_above=0.6, short_below=0.2)
    ran = run(made, frame, kind=Kind.TRADING)
    figures = [
        stats(ran, one, frame, labels, kind=Kind.TRADING)
        for one in cut(frame, labels, Kind.TRADING)
    ]
    earned = [value for one in figures for value in one["returns"]]
    held = positions_from_scores(SCORES, long_above=0.6, short_below=0.2)[: len(earned)]
    whole = trading_metrics(RETURNS[: len(earned)], held, cost_bps=5.0, periods_per_year=252)
    assert math.prod(1 + value for value in earned) - 1 == pytest.approx(whole["total_return"])
    assert sum(one["trade_count"] for one in figures) == whole["trades"]
    assert max(one["max_drawdown"] for one in figures) <= (whole["max_drawdown"] or 0)


def test_a_session_of_one_row_has_a_return_and_no_sharpe_ratio() -> None:
    frame = frame_of(timedelta(days=1))
    labels = labels_of(frame)
    first, second, *_ = cut(frame, labels, Kind.TRADING)
    ran = run(runner(), frame, kind=Kind.TRADING)
    found = stats(ran, second, frame, labels, kind=Kind.TRADING)
    assert len(found["returns"]) == 1 and "sharpe_ratio" not in found
    assert "turnover_ratio" not in found, "there is no champion to compare with"
    change = abs(float(SCORES[1] > 0.5) - float(SCORES[0] > 0.5))
    assert found["trade_count"] == int(change)
    assert first.id < second.id


def test_turnover_is_told_in_the_champions_and_is_no_figure_where_that_one_never_traded() -> None:
    frame = frame_of(timedelta(days=1))
    labels = labels_of(frame)
    late = cut(frame, labels, Kind.TRADING)[-1]
    busy = run(runner(), frame, kind=Kind.TRADING)
    calm = run(runner(lambda features: np.zeros(len(features))), frame, kind=Kind.TRADING)

    def ratio(one: Ran, champion: Ran) -> Any:
        found = stats(one, late, frame, labels, kind=Kind.TRADING, champion=champion)
        return found.get("turnover_ratio")

    assert ratio(busy, busy) == 1.0
    assert ratio(calm, busy) == 0.0
    assert ratio(calm, calm) == 1.0
    assert ratio(busy, calm) is None


def test_the_score_is_minus_the_log_loss_of_the_rows_that_have_a_label() -> None:
    frame = frame_of(timedelta(hours=1))
    truth = np.where(np.arange(ROWS) % 7 == 0, np.nan, TRUTH)
    labels = labels_of(frame, truth)
    one = cut(frame, labels, Kind.CLASSIFIER)[3]
    found = stats(run(runner(), frame, kind=Kind.CLASSIFIER), one, frame, labels)
    rows = one.rows[~np.isnan(truth[one.rows])]
    assert found["score"] == pytest.approx(-log_loss(TRUTH[rows], SCORES[rows]))
    assert found["trade_count"] == 24 and found["error_rate"] == 0.0
    assert found["avg_latency_ms"] > 0


def test_a_regressor_is_scored_by_its_errors() -> None:
    frame = frame_of(timedelta(hours=1))
    labels = labels_of(frame)
    one = cut(frame, labels, Kind.REGRESSOR)[0]
    ran = run(runner(), frame, kind=Kind.REGRESSOR)
    found = stats(ran, one, frame, labels, kind=Kind.REGRESSOR)
    error = TRUTH[one.rows] - SCORES[one.rows]
    assert found["score"] == pytest.approx(-math.sqrt(float((error**2).mean())))


def test_scores_that_are_no_probabilities_have_no_log_loss() -> None:
    frame = frame_of(timedelta(hours=1))
    labels = labels_of(frame)
    ran = run(runner(lambda rows: rows["said"] + 1), frame, kind=Kind.CLASSIFIER)
    assert "score" not in stats(ran, cut(frame, labels, Kind.CLASSIFIER)[0], frame, labels)


def test_a_version_that_raises_has_failed_on_every_row() -> None:
    def broken(features: pd.DataFrame) -> Any:
        raise RuntimeError("no such tree")

    frame = frame_of(timedelta(hours=1))
    labels = labels_of(frame)
    one = cut(frame, labels, Kind.CLASSIFIER)[0]
    ran = run(runner(broken, np.linspace(0, 1, 500)), frame, kind=Kind.CLASSIFIER)
    assert stats(ran, one, frame, labels) == {"error_rate": 1.0, "trade_count": 0}
    lost = run(runner(), frame.drop(columns=["said"]), kind=Kind.CLASSIFIER)
    assert stats(lost, one, frame, labels) == {"error_rate": 1.0, "trade_count": 0}


def test_rows_without_a_score_count_as_failed_and_take_no_position() -> None:
    def patchy(features: pd.DataFrame) -> Any:
        return np.where(features["said"] > 0.5, np.nan, features["said"])

    frame = frame_of(timedelta(hours=1))
    labels = labels_of(frame)
    one = cut(frame, labels, Kind.CLASSIFIER)[0]
    found = stats(run(runner(patchy), frame, kind=Kind.CLASSIFIER), one, frame, labels)
    missing = (SCORES[one.rows] > 0.5).mean()
    assert found["error_rate"] == pytest.approx(missing)
    assert found["trade_count"] == round(24 * (1 - missing))
    assert run(runner(patchy), frame, kind=Kind.TRADING).held.max() == 0.0


def test_drift_is_told_against_scores_on_rows_that_were_not_fitted_on() -> None:
    frame = frame_of(timedelta(days=1))
    labels = labels_of(frame)
    one = cut(frame, labels, Kind.CLASSIFIER)[-1]
    reference = np.random.default_rng(1).uniform(0, 0.8, size=500)
    ran = run(runner(None, reference), frame, kind=Kind.CLASSIFIER)
    last = int(one.rows[-1])
    window = SCORES[last + 1 - WINDOW_ROWS : last + 1]
    found = stats(ran, one, frame, labels)
    assert found["drift_psi"] == pytest.approx(psi_samples(reference, window))
    few = run(runner(None, reference[:99]), frame, kind=Kind.CLASSIFIER)
    assert "drift_psi" not in stats(few, one, frame, labels)


def test_a_later_row_changes_no_figure_of_an_earlier_session() -> None:
    frame = frame_of(timedelta(hours=5))
    labels = labels_of(frame)
    shorter = frame.iloc[:300]
    one = cut(frame, labels, Kind.CLASSIFIER)[20]
    reference = np.linspace(0, 1, 200)

    def told(rows: pd.DataFrame) -> dict[str, Any]:
        ran = run(runner(None, reference), rows, kind=Kind.CLASSIFIER)
        found = stats(ran, one, rows, labels)
        return {name: value for name, value in found.items() if name != "avg_latency_ms"}

    assert told(frame) == told(shorter)


def test_a_bundle_is_scored_by_the_mean_of_its_members_on_their_own_labels() -> None:
    frame = frame_of(timedelta(hours=1))
    other = 1.0 - TRUTH
    labels = replace(labels_of(frame), extra=pd.DataFrame({"up_5": TRUTH, "down_5": other}))
    both = Runner(
        version_id="0" * 12,
        predict=lambda rows: np.column_stack([rows["said"], 0.9 - 0.8 * rows["said"]]),
        graph=FeatureGraph((), ["said"]),
        reference=np.zeros(0),
        positions={},
        members=("up_5", "down_5"),
    )
    one = cut(frame, labels, Kind.CLASSIFIER)[2]
    found = stats(run(both, frame, kind=Kind.CLASSIFIER), one, frame, labels)
    losses = [
        log_loss(TRUTH[one.rows], SCORES[one.rows]),
        log_loss(other[one.rows], 0.9 - 0.8 * SCORES[one.rows]),
    ]
    assert found["score"] == pytest.approx(-sum(losses) / 2)
    assert found["trade_count"] == 24
