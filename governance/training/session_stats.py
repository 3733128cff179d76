"""What one version did in one session: the figures that a shadow session records.

Everything but the latency follows from the version's bytes and the rows, so that another machine
gets the same figures. Neighbours: ``session_rows`` (which rows), ``trial_sessions`` (who is run and
what is recorded), ``governance.evidence.trading`` and ``.classification`` (the formulas).

- trade_count: trading: rows in which the position changed; else decisions made, the rows scored.
- returns: trading: what each row's position earned until the next row, after costs. The position
  before the session is the one that the version would have held on the row before it.
- turnover_ratio: mean change of position over the trailing window, over the champion's; 1.0 if
  neither traded; no figure where only the champion did not.
- sharpe_ratio: none for a session of one row; pooled returns have it.
- score: minus log loss of the labelled rows (a regressor: minus the root of the mean squared
  error); of a bundle the plain mean over its members, and none where one of them has none.
- drift_psi: PSI (10 groups) of the version's own scores on the trailing window against its own
  scores on registered rows that it was not fitted on.
- error_rate: share of the session's rows without a finite score.
- avg_latency_ms: wall time of scoring the session's rows in one call, for each row.

The trailing window are the rows of the 30 days that end with the session, at least 250: one day has
its own weather, and a bar a day has no distribution. Not promised: that a position could be filled.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from governance.config.model import Trading
from governance.evidence.classification import classification_metrics
from governance.evidence.drift.statistics import psi_samples
from governance.evidence.measured import Vector
from governance.evidence.trading import trading_metrics
from governance.registry.features import FeatureGraph
from governance.training.data import FORWARD_RETURN, Labels
from governance.training.positions import positions_from_scores
from governance.training.session_rows import Session
from governance.values import Kind

log = logging.getLogger(__name__)

WINDOW = timedelta(days=30)
WINDOW_ROWS = 250
MIN_REFERENCE = 100  # scores; below it a distribution is not compared


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Runner:
    """One version, ready to be run.

    Attributes:
        predict: features of some rows to their scores, shape (rows,) or, of a bundle, (rows,
            members).
        members: the bundle's, in that order; their labels are columns of ``Labels.extra``.
        graph: its own features, not those declared now.
        reference: its scores on registered rows that it was not fitted on; may be empty.
        positions: its own thresholds, as its trainer was told them.
    """

    version_id: str
    predict: Callable[[pd.DataFrame], Any]
    graph: FeatureGraph
    reference: Vector
    positions: Mapping[str, Any]
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Ran:
    """What a version said of every row known; NaN where it failed.

    Attributes:
        features: ``None`` if they could not be computed.
        said: scores by member, shape (rows, members); one column where there are none.
        scores: their mean, shape (rows,).
        held: its position on each row; flat where it failed.
    """

    runner: Runner
    features: pd.DataFrame | None
    said: NDArray[np.float64]
    scores: Vector
    held: Vector


def run(runner: Runner, frame: pd.DataFrame, *, kind: Kind) -> Ran:
    """Score every row of ``frame``; a version that cannot is recorded as failing, not raised."""
    features: pd.DataFrame | None = None
    said = np.full((len(frame), len(runner.members) or 1), np.nan)
    try:
        features = runner.graph.compute(frame).astype(np.float64)
        said = said_of(runner.predict, features, runner.members)
    except Exception as error:  # whatever a model or a feature raises: its rows failed
        log.warning(
            "%s fails on these rows: %s: %s", runner.version_id, type(error).__name__, error
        )
    scores, held = said.mean(axis=1), np.zeros(len(frame))
    if kind is Kind.TRADING:
        known = np.isfinite(scores)
        held[known] = positions_from_scores(scores[known], **runner.positions)
    return Ran(runner, features, said, scores, held)


def said_of(
    predict: Callable[[pd.DataFrame], Any], features: pd.DataFrame, members: tuple[str, ...]
) -> NDArray[np.float64]:
    """The scores of each row by member; NaN where one is not finite.

    Raises:
        ValueError: another number of them.
    """
    made = np.asarray(predict(features), dtype=np.float64)
    if made.shape != ((len(features), len(members)) if members else (len(features),)):
        raise ValueError(f"{made.shape} scores for {len(features)} rows")
    return np.where(np.isfinite(made), made, np.nan).reshape(len(features), -1)


def session_stats(
    ran: Ran,
    champion: Ran | None,
    session: Session,
    *,
    times: pd.Series[Any],
    labels: Labels,
    kind: Kind,
    trading: Trading | None,
) -> dict[str, Any]:
    """The figures of one version in one session; those that do not exist are left out.

    Args:
        champion: the version in production on the same rows, for ``turnover_ratio``.
        times: of all rows, in order.
    """
    rows = session.rows
    failed = ~np.isfinite(ran.scores[rows])
    figures: dict[str, Any] = {
        "error_rate": float(failed.mean()),
        "avg_latency_ms": _latency_ms(ran, rows),
        "drift_psi": _drift(ran, _window(times, rows)),
    }
    if trading is not None:
        figures |= _traded(ran, champion, rows, _window(times, rows), labels, trading)
    else:
        figures["trade_count"] = int((~failed).sum())
        truths = [labels.extra[name] for name in ran.runner.members] or [labels.values]
        scores = [
            _score(said, truth.to_numpy(dtype=float)[rows], kind)
            for said, truth in zip(ran.said[rows].T, truths, strict=True)
        ]
        known = [score for score in scores if score is not None]
        figures["score"] = sum(known) / len(known) if len(known) == len(scores) else None
    return {name: value for name, value in figures.items() if value is not None}


def _window(times: pd.Series[Any], rows: NDArray[np.int64]) -> slice:
    """Rows of the 30 days up to the session's last one, or the last 250, whichever are more."""
    last = int(rows[-1])
    since = int(times.searchsorted(times.iloc[last] - WINDOW, side="right"))
    return slice(max(0, min(since, last + 1 - WINDOW_ROWS)), last + 1)


def _latency_ms(ran: Ran, rows: NDArray[np.int64]) -> float | None:
    if ran.features is None or not np.isfinite(ran.scores[rows]).any():
        return None
    asked = ran.features.iloc[rows]
    began = time.perf_counter()
    ran.runner.predict(asked)
    return (time.perf_counter() - began) * 1000.0 / len(rows)


def _drift(ran: Ran, window: slice) -> float | None:
    current = ran.scores[window]
    current = current[np.isfinite(current)]
    if ran.runner.reference.size < MIN_REFERENCE or not current.size:
        return None
    return psi_samples(ran.runner.reference, current)


def _traded(
    ran: Ran,
    champion: Ran | None,
    rows: NDArray[np.int64],
    window: slice,
    labels: Labels,
    trading: Trading,
) -> dict[str, Any]:
    made = labels.extra[FORWARD_RETURN].to_numpy(dtype=float)[rows]
    change = np.abs(np.diff(ran.held, prepend=0.0))
    net = ran.held[rows] * made - trading.cost_bps / 10_000 * change[rows]
    measured = trading_metrics(net, periods_per_year=trading.periods_per_year)
    return {
        "trade_count": int((change[rows] != 0).sum()),
        "turnover_ratio": None if champion is None else _turnover(ran, champion, window),
        "sharpe_ratio": measured["sharpe"],
        "max_drawdown": measured["max_drawdown"],
        "returns": [float(value) for value in net],
    }


def _turnover(ran: Ran, champion: Ran, window: slice) -> float | None:
    own, theirs = (float(np.abs(np.diff(one.held[window])).sum()) for one in (ran, champion))
    if theirs > 0:
        return own / theirs
    return None if own > 0 else 1.0


def _score(scores: Vector, truth: Vector, kind: Kind) -> float | None:
    judged = np.isfinite(scores) & np.isfinite(truth)
    if not judged.any():
        return None
    said, was = scores[judged], truth[judged]
    if kind is Kind.REGRESSOR:
        return -float(np.sqrt(np.mean((said - was) ** 2)))
    if said.min() < 0 or said.max() > 1:
        return None  # no probabilities, so they have no log loss
    loss = classification_metrics(was, said > 0.5, said)["log_loss"]
    return None if loss is None else -loss
