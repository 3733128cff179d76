"""``gov.validation.backtest``: a registered version's evaluation again, on a window of the past.

What was registered is evaluated: its source, label, features, trainer, seed and splits; which
figures are measured, and the bundle, come from ``governance.yaml`` as it is now. The source is read
as of the window's end, so that no later row is seen, and each fold is trained on what lies before
it, as in `cycle`. Nothing is written: no table, no file. Neighbours: ``cycle`` (the same steps with
a record), ``evidence.backtest`` (the result).

Not promised: the code of the day of registration. What runs is the code that is installed; where
its digest is another one, the result says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError
from sqlalchemy import select

from governance.config.governance_file import GovernanceConfig
from governance.config.model import ModelDeclaration
from governance.errors import (
    BacktestWindowError,
    ConfigError,
    DataQualityError,
    GovernanceError,
    InsufficientEvidenceError,
    TrainingError,
)
from governance.evidence.backtest import Backtest, BacktestWindow, Used
from governance.registry.features import FeatureGraph
from governance.registry.functions import code_digest, load_function
from governance.store.database import Database
from governance.store.schema import model_registry
from governance.training.bundle import require_declared
from governance.training.data import TrainedModel, TrainingData, check_trained
from governance.training.evaluate import measure
from governance.training.prepare import prepare, trainer_config
from governance.training.quality import require_quality
from governance.training.sources import read_source
from governance.training.splits import Fold, Splits
from governance.training.window_splits import over_window
from governance.values import ModelVersion, as_utc, iso, parse_time

MAX_FOLDS = 100
_REGISTERED = ("kind", "source", "time_column", "label", "trainer", "splits", "trading")


class ModelBacktest:
    """Built by the wiring. ``resolve`` gives the version that a reference means."""

    def __init__(
        self,
        database: Database,
        *,
        resolve: Callable[[ModelVersion | str], ModelVersion],
        config: Callable[[], GovernanceConfig],
    ) -> None:
        self._database = database
        self._resolve = resolve
        self._config = config

    def __call__(self, ref: ModelVersion | str, start: datetime, end: datetime) -> Backtest:
        """Evaluate ``ref`` on the rows from ``start`` (included) to ``end`` (not included).

        Raises:
            NaiveDatetimeError: a time without a zone.
            BacktestWindowError: the window is empty, begins before the data or ends behind them,
                has too little before it to train on, or needs more than 100 folds.
            ConfigError: the model is not declared any more, or what was registered no longer fits.
            InsufficientEvidenceError: the version's record does not say how it was trained, or the
                trainer scores nothing in the window.
            DataSourceError, TrainingError: as in a retrain run.
        """
        start, end = as_utc(start, what="start"), as_utc(end, what="end")
        if not start < end:
            raise BacktestWindowError(
                f"the window from {iso(start)} to {iso(end)} is empty; give a later end"
            )
        version = self._resolve(ref)
        declaration = self._as_registered(version)
        frame = read_source(
            declaration.source.function,
            declaration.source.params,
            at=end,
            time_column=declaration.time_column,
        )
        _require_inside(frame[declaration.time_column], start, end)
        code = _code(version, declaration)
        warnings = [
            f"the code of {name} is not the code that {version.ref} was registered with"
            for name, one in code.items()
            if one.changed
        ]
        try:
            require_quality(declaration, frame, at=end)
        except DataQualityError as error:
            warnings.append(f"a retrain run would refuse these data: {error.message}"[:1000])
        try:
            data = prepare(
                declaration,
                frame,
                at=end,
                divide=partial(_divide, declaration, start),
            )
        except DataQualityError as error:
            raise BacktestWindowError(
                f"{version.ref} cannot be evaluated from {iso(start)} to {iso(end)}: "
                f"{error.message}"
            ) from error
        trained = _train(declaration, data)
        folds = data.splits.folds or (data.splits.final,)
        windows = tuple(_window(fold, data, version) for fold in folds)
        if any(window.overlaps_training is None for window in windows):
            warnings.append(f"the record of {version.ref} does not say what it was trained on")
        whole = "out_of_sample" if data.splits.folds else "test"
        return Backtest(
            model=version.name,
            version=version.version,
            version_id=version.id,
            start=start,
            end=end,
            rows=sum(window.rows for window in windows),
            seed=declaration.trainer.seed,
            windows=windows,
            metrics=_metrics(trained, data, declaration, folds=folds, whole=whole),
            code=code,
            warnings=tuple(warnings),
        )

    def _as_registered(self, version: ModelVersion) -> ModelDeclaration:
        """The declaration of now, with what decided the version's bytes as it was registered."""
        declared = self._config().model(version.name)
        config = version.manifest.get("config")
        with self._database.read() as connection:
            spec = connection.execute(
                select(model_registry.c.feature_spec).where(model_registry.c.id == version.id)
            ).scalar_one()
        if not isinstance(config, Mapping) or not {"trainer", "label", "source"} <= set(config):
            raise InsufficientEvidenceError(
                f"the record of {version.ref} does not say how it was trained; back-test a version "
                "that a retrain run registered"
            )
        if not spec or not spec.get("definitions"):
            raise InsufficientEvidenceError(
                f"{version.ref} was registered without feature definitions; back-test a version "
                "that a retrain run registered"
            )
        features = {
            "inputs": spec["inputs"],
            "definitions": [
                {key: value for key, value in one.items() if key != "source"}
                for one in spec["definitions"]
            ],
        }
        merged = {
            **declared.model_dump(mode="json"),
            **{key: config[key] for key in _REGISTERED if key in config},
            "features": features,
            "policy": {},
            "drift": None,
        }
        try:
            return ModelDeclaration.model_validate(merged)
        except ValidationError as error:
            raise ConfigError(
                f"what {version.ref} was registered with does not fit governance.yaml any more: "
                f"{error.errors()[0]['msg']}; declare the model as it was, or back-test a later "
                "version"
            ) from error


def _require_inside(times: pd.Series[Any], start: datetime, end: datetime) -> None:
    """The window may pass the last row by the longest pause in the data, a day at least."""
    first, last = times.iloc[0], times.iloc[-1]
    pause = max(pd.Timedelta(days=1), times.diff().max() if len(times) > 1 else pd.Timedelta(0))
    if pd.Timestamp(start) < first or pd.Timestamp(end) > last + pause:
        raise BacktestWindowError(
            f"the window from {iso(start)} to {iso(end)} is longer than the data, which reach "
            f"from {iso(first.to_pydatetime())} to {iso(last.to_pydatetime())}; choose a window "
            "inside them, with enough before it to train on"
        )


def _divide(
    declaration: ModelDeclaration,
    start: datetime,
    times: pd.Series[Any],
    known_at: pd.Series[Any],
) -> Splits:
    begin = int((times < pd.Timestamp(start)).sum())
    if begin == len(times):
        raise BacktestWindowError(
            f"no row from {iso(start)} on has a label that was known at the window's end; "
            f"the last one that has is of {iso(times.iloc[-1].to_pydatetime())}"
        )
    params = declaration.splits.model_dump(exclude={"method"}, exclude_none=True)
    size = params.get("test_size")
    if size is not None and (needed := -(-(len(times) - begin) // size)) > MAX_FOLDS:
        raise BacktestWindowError(
            f"the window needs {needed} folds of {size} rows, and at most {MAX_FOLDS} are trained; "
            "choose a shorter window"
        )
    return over_window(
        declaration.splits.method, params, times, known_at, window=(begin, len(times))
    )


def _train(declaration: ModelDeclaration, data: TrainingData) -> TrainedModel:
    reference = declaration.trainer.function
    trainer = load_function(reference, what="trainer")
    try:
        made = trainer(deepcopy(data), trainer_config(declaration))
    except GovernanceError:
        raise
    except Exception as error:  # a user's trainer may raise anything
        raise TrainingError(
            f"trainer {reference} failed: {type(error).__name__}: {error}"
        ) from error
    trained = check_trained(made, data, trainer=reference)
    require_declared(declaration, trained, data, trainer=reference)
    return trained


def _metrics(
    trained: TrainedModel,
    data: TrainingData,
    declaration: ModelDeclaration,
    *,
    folds: tuple[Fold, ...],
    whole: str,
) -> dict[str, dict[str, float | None]]:
    """Of each fold under its name, and of all under ``whole``, members beside them."""
    found: dict[str, dict[str, float | None]] = {}
    rows = np.concatenate([fold.test for fold in folds])
    for name, only in [*((fold.name, fold.test) for fold in folds), (whole, rows)]:
        for split, measured in measure(trained, data, declaration, only=only).items():
            base, dot, member = split.partition(".")
            if base == whole:
                found[f"{name}{dot}{member}"] = dict(measured)
    if whole not in found:
        raise InsufficientEvidenceError(
            f"trainer {declaration.trainer.function} does not score the split {whole}, so nothing "
            "can be measured on the window; let it score all of data.splits.named()"
        )
    return found


def _window(fold: Fold, data: TrainingData, version: ModelVersion) -> BacktestWindow:
    def moment(row: Any) -> datetime:
        found: datetime = data.times.iloc[int(row)].to_pydatetime()
        return found

    start, end = moment(fold.test[0]), moment(fold.test[-1])
    return BacktestWindow(
        name=fold.name,
        rows=len(fold.test),
        start=start,
        end=end,
        train_rows=len(fold.train),
        train_start=moment(fold.train[0]),
        train_end=moment(fold.train[-1]),
        overlaps_training=_overlaps(version, start, end),
    )


def _overlaps(version: ModelVersion, start: datetime, end: datetime) -> bool | None:
    splits = version.manifest.get("splits")
    spans = [splits[name] for name in ("train", "validation") if name in splits] if splits else []
    if not spans:
        return None
    return any(
        start <= parse_time(span["end"]) and parse_time(span["start"]) <= end for span in spans
    )


def _code(version: ModelVersion, declaration: ModelDeclaration) -> dict[str, Used]:
    registered = version.manifest["config"].get("code") or {}
    graph = FeatureGraph.from_spec(declaration.features.model_dump(mode="json"))
    return {
        "label": Used(
            registered=registered.get("label"), used=code_digest(declaration.label.function)
        ),
        "trainer": Used(
            registered=registered.get("trainer"), used=code_digest(declaration.trainer.function)
        ),
        "features": Used(registered=version.manifest.get("feature_graph_hash"), used=graph.hash),
    }
