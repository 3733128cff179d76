"""From a source's rows to what a trainer receives: features, labels, splits.

Neighbours: `governance.training.sources` read the frame, `governance.evidence.data_quality` judged
it, a trainer takes the result. Labels that were not yet known at ``at`` are missing here, whatever
the label function said. Not promised: that the data are good; only that the shapes fit and that
nothing later than ``at`` is in them.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from governance.config import ModelDeclaration
from governance.errors import DataQualityError, FeatureGraphError, GovernanceError
from governance.registry.features import FeatureGraph
from governance.registry.functions import load_function
from governance.training.data import Labels, TrainerConfig, TrainingData
from governance.training.splits import Splits, make_splits
from governance.values import Kind, as_utc


def feature_graph(declaration: ModelDeclaration) -> FeatureGraph:
    """The graph of the features that ``declaration`` asks for."""
    return FeatureGraph.from_spec(declaration.features.model_dump(mode="json"))


def trainer_config(declaration: ModelDeclaration, *, threads: int = 1) -> TrainerConfig:
    """What the declared trainer is told besides the data."""
    return TrainerConfig(
        kind=declaration.kind,
        seed=declaration.trainer.seed,
        params=deepcopy(dict(declaration.trainer.params)),
        members={} if declaration.bundle is None else declaration.bundle.members,
        threads=threads,
    )


def label_frame(declaration: ModelDeclaration, frame: pd.DataFrame, *, at: datetime) -> Labels:
    """The declared label of every row, missing where it was not known before ``at``.

    ``known_at`` is always filled in; where the function gives none it is the row's own time. The
    function is given a copy: what it does to its frame reaches no feature.

    Raises:
        DataQualityError: the function failed, or returned other rows, no numbers, or a ``known_at``
            that is no zoned time or lies before the row's own time.
    """
    reference = declaration.label.function
    function = load_function(reference, what="label")
    try:
        made = function(frame.copy(), **deepcopy(declaration.label.params))
    except GovernanceError:
        raise
    except Exception as error:  # a user's function may raise anything
        raise DataQualityError(
            f"label {reference} failed: {type(error).__name__}: {error}"
        ) from error
    labels = made if isinstance(made, Labels) else Labels(values=made)
    times = frame[declaration.time_column]
    known = times if labels.known_at is None else labels.known_at
    if problem := _label_problem(labels, known, times):
        raise DataQualityError(f"label {reference}: {problem}")
    known = known.dt.tz_convert("UTC")
    numbers = labels.values.to_numpy(dtype=np.float64, na_value=np.nan)
    return Labels(
        values=pd.Series(numbers, index=frame.index).where(known < pd.Timestamp(at)),
        known_at=known,
        extra=labels.extra if len(labels.extra.columns) else pd.DataFrame(index=frame.index),
    )


def _label_problem(labels: Labels, known_at: object, times: pd.Series[Any]) -> str | None:
    """Why what a label function gave cannot be taken; every part may be anything."""
    bare = isinstance(labels.extra, pd.DataFrame) and labels.extra.columns.empty
    parts: tuple[tuple[str, object, type[pd.Series[Any] | pd.DataFrame]], ...] = (
        ("values", labels.values, pd.Series),
        ("known_at", known_at, pd.Series),
        ("extra", times.to_frame() if bare else labels.extra, pd.DataFrame),
    )
    for what, part, form in parts:
        if not isinstance(part, form) or not part.index.equals(times.index):
            return (
                f"{what} must be a {form.__name__} with one entry for each row of the data, "
                f"with the same index, not a {type(part).__name__}"
            )
    if labels.extra.columns.has_duplicates:
        return "extra has a column twice; give it once"
    dtype = labels.values.dtype
    if not pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_complex_dtype(dtype):
        return f"values are {dtype}; give numbers, for example 0.0 and 1.0"
    assert isinstance(known_at, pd.Series)
    if not isinstance(known_at.dtype, pd.DatetimeTZDtype):
        return (
            f"known_at is {known_at.dtype}; give times with a zone, for example the time column "
            "shifted by the label's horizon"
        )
    if early := int((known_at < times).sum()):
        return (
            f"known_at of {early} rows lies before the row's own time; give the time at which the "
            "label is known, the end of its window"
        )
    return None


def prepare(
    declaration: ModelDeclaration,
    frame: pd.DataFrame,
    *,
    at: datetime,
    divide: Callable[[pd.Series[Any], pd.Series[Any]], Splits] | None = None,
) -> TrainingData:
    """Features, labels and splits of ``frame``, as they were known at ``at``.

    Args:
        declaration: the governed model.
        frame: what `governance.training.sources.read_source` gave for the same ``at``: in time
            order, indexed 0..n-1.
        at: the evidence cut-off, with a time zone.
        divide: makes the splits from ``times`` and ``known_at``; else they are the declared ones.

    Raises:
        DataQualityError: no labelled row, an infinite label or feature, a class that is missing
            from a training split, too few rows for the splits.
        FeatureGraphError: a missing column, a failing logic, a feature that is no number.
    """
    at = as_utc(at)
    labels = label_frame(declaration, frame, at=at)
    features = _numbers(feature_graph(declaration).compute(frame))
    rows = np.flatnonzero(labels.values.notna().to_numpy())
    if not len(rows):
        raise DataQualityError(
            f"none of {len(frame)} rows has a label known before {at.isoformat()}; "
            "choose a later time or correct the label"
        )
    label, times, known_at = (
        series.iloc[rows].reset_index(drop=True)
        for series in (labels.values, frame[declaration.time_column], _known(labels))
    )
    _check_label(label, declaration.kind)
    if divide is None:
        params = declaration.splits.model_dump(exclude={"method"}, exclude_none=True)
        divide = partial(make_splits, declaration.splits.method, params)
    data = TrainingData(
        features=features.iloc[rows].reset_index(drop=True),
        label=label.rename("label"),
        times=times.rename("time"),
        known_at=known_at.rename("known_at"),
        splits=divide(times, known_at),
        at=at,
        extra=labels.extra.iloc[rows].reset_index(drop=True),
        counts={"rows": len(frame), "without_label": len(frame) - len(rows), "used": len(rows)},
    )
    _check_classes(data, declaration.kind)
    return data


def _known(labels: Labels) -> pd.Series[Any]:
    assert labels.known_at is not None  # label_frame fills it in
    return labels.known_at


def _numbers(features: pd.DataFrame) -> pd.DataFrame:
    for name, dtype in features.dtypes.items():
        if not (pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype)):
            raise FeatureGraphError(
                f"feature {name!r} is {dtype}, not a number; give it a logic that makes numbers, "
                "for example governance.training.feature_logic:category_code"
            )
    numbers = features.astype(np.float64)
    # Not repaired here: serving computes the same features and would not repair them.
    if infinite := [str(name) for name in numbers if np.isinf(numbers[name]).any()]:
        raise DataQualityError(
            f"features {', '.join(infinite)} are infinite on some rows; "
            "let their logic give a missing value (NaN) there"
        )
    return numbers


def _check_label(label: pd.Series[Any], kind: Kind) -> None:
    if not np.isfinite(label.to_numpy()).all():
        raise DataQualityError("the label is infinite on some rows; correct the label function")
    if kind is not Kind.REGRESSOR and not label.isin((0.0, 1.0)).all():
        found = sorted(set(label.unique().tolist()) - {0.0, 1.0})[:5]
        raise DataQualityError(f"labels of a {kind} model are 0 and 1, but there are {found}")


def _check_classes(data: TrainingData, kind: Kind) -> None:
    if kind is Kind.REGRESSOR:
        return
    for fold in (*data.splits.folds, data.splits.final):
        if len(classes := np.unique(data.target(fold.train))) < 2:
            raise DataQualityError(
                f"the {len(fold.train)} training rows of {fold.name} have one class only "
                f"({classes[0]:g}); give more data or change the splits"
            )
