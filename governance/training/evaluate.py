"""What a trained model shows on each split: the declared metrics, and why one does not exist.

Neighbours: `governance.evidence` has the formulas, `governance.policy` the limits. Nothing is
fitted or chosen here. Not promised: that a good figure on ``train`` means anything; policies should
ask for ``test`` or ``out_of_sample``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from governance.config import ModelDeclaration
from governance.config.model import Trading
from governance.errors import TrainingError
from governance.evidence.classification import classification_metrics
from governance.evidence.measured import Measured
from governance.evidence.regression import regression_metrics
from governance.evidence.signals import signal_metrics
from governance.evidence.trading import trading_metrics
from governance.training.bundle import excursions, mean_over_members
from governance.training.data import (
    FORWARD_RETURN,
    POSITION,
    PREDICTED,
    SCORE,
    TrainedModel,
    TrainingData,
)
from governance.training.splits import Rows
from governance.values import Kind

THRESHOLD = 0.5  # a probability above it predicts class 1, where the trainer does not say so itself


def evaluate(
    trained: TrainedModel, data: TrainingData, declaration: ModelDeclaration
) -> dict[str, dict[str, float | None]]:
    """For every predicted split the declared metrics; ``None`` where one does not exist.

    Raises:
        TrainingError: a trading model without positions or forward returns.
        InvalidEvidenceError: scores or returns that cannot be measured.
    """
    return {name: dict(found) for name, found in measure(trained, data, declaration).items()}


def measure(
    trained: TrainedModel,
    data: TrainingData,
    declaration: ModelDeclaration,
    *,
    only: Rows | None = None,
) -> dict[str, Measured]:
    """As `evaluate`, with the reason of each figure that does not exist.

    Args:
        only: row numbers; predictions of other rows are left out, and splits that have no others.
    """
    measured = {
        split: _measure(frame, data, declaration, split)
        for split, frame in _frames(trained.predictions, only)
    }
    by_split: dict[str, list[Measured]] = {}
    for name, member in trained.members.items():
        for split, frame in _frames(member.predictions, only):
            found = _measure(frame, data, declaration, split, member=name)
            measured[f"{split}.{name}"] = found
            by_split.setdefault(split, []).append(found)
    for split, members in by_split.items():
        if len(members) == len(trained.members):
            measured[split] = mean_over_members(members)
    return measured


def _frames(
    predictions: Mapping[str, pd.DataFrame], only: Rows | None
) -> Iterator[tuple[str, pd.DataFrame]]:
    for split, frame in predictions.items():
        kept = frame if only is None else frame.loc[frame.index.isin(only)]
        if len(kept):
            yield split, kept.sort_index()


def _measure(
    frame: pd.DataFrame,
    data: TrainingData,
    declaration: ModelDeclaration,
    split: str,
    *,
    member: str | None = None,
) -> Measured:
    rows = frame.index.to_numpy()
    label = data.label if member is None else data.extra[member]
    truth, score = label.iloc[rows].to_numpy(dtype=float), frame[SCORE].to_numpy(dtype=float)
    if declaration.kind is Kind.REGRESSOR:
        return regression_metrics(truth, score).only(declaration.metrics)
    predicted = frame[PREDICTED].to_numpy() if PREDICTED in frame.columns else score > THRESHOLD
    measured = classification_metrics(truth, predicted, score)
    if member is not None and (moves := excursions(data, member)) is not None:
        signals = signal_metrics(predicted, *(move.iloc[rows].to_numpy() for move in moves))
        measured = Measured(
            {**measured, **signals}, measured.rows, {**measured.reasons, **signals.reasons}
        )
    if declaration.trading is not None:
        money = _money(frame, data, declaration.trading, split)
        measured = Measured(
            {**measured, **money}, measured.rows, {**measured.reasons, **money.reasons}
        )
    return measured.only(declaration.metrics)


def _money(frame: pd.DataFrame, data: TrainingData, trading: Trading, split: str) -> Measured:
    if POSITION not in frame.columns:
        raise TrainingError(
            f"split {split!r}: a trading model's predictions need the column {POSITION!r}; "
            "make it with governance.training.positions.positions_from_scores(scores)"
        )
    if FORWARD_RETURN not in data.extra.columns:
        raise TrainingError(
            f"a trading model's label must give Labels.extra the column {FORWARD_RETURN!r}, the "
            "return that a position taken at this row earns until the next one"
        )
    return trading_metrics(
        data.extra[FORWARD_RETURN].iloc[frame.index].to_numpy(),
        frame[POSITION].to_numpy(),
        cost_bps=trading.cost_bps,
        periods_per_year=trading.periods_per_year,
    )
