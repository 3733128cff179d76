"""A version made ready to be run on rows: its bytes, its own features, what its scores used to be.

The version is taken as it was registered: features from its stored specification, thresholds from
its stored configuration, reference scores from its registered data. What ``governance.yaml`` says
today about features and trainer changes nothing of what a trial measures. Neighbours:
``session_stats`` (runs it), ``trial_sessions`` (chooses whom to run).

Not promised: reference scores where the registered data are gone or are no Parquet file; the
version is run all the same, and its sessions have no ``drift_psi``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy import select

from governance.errors import FeatureGraphError
from governance.evidence.measured import Vector
from governance.registry.features import FeatureGraph
from governance.registry.model_registry import ModelRegistry
from governance.store.database import Database
from governance.store.schema import model_registry
from governance.training.session_stats import MIN_REFERENCE, Runner, said_of
from governance.values import Kind, ModelVersion, parse_time

log = logging.getLogger(__name__)


def seen_until(version: ModelVersion) -> datetime:
    """The latest moment of which the version has seen data: fitted, stopped or tested on.

    Sessions before it prove nothing. Where the record names no data, it is the registration.
    """
    manifest = version.manifest
    splits = manifest.get("splits")
    named = [manifest.get("trained_end")] + [
        window.get("end")
        for window in (splits.values() if isinstance(splits, Mapping) else ())
        if isinstance(window, Mapping)
    ]
    known = [parse_time(moment) for moment in named if isinstance(moment, str)]
    return max(known, default=version.created_at)


def runner(
    database: Database,
    registry: ModelRegistry,
    version: ModelVersion,
    *,
    home: Path,
    kind: Kind,
    time_column: str,
) -> Runner:
    """The version, loaded with all the checks of ``registry.load_model`` but those of its data.

    Raises:
        FeatureGraphError: it was registered without features. Further: what ``load_model`` raises.
    """
    model, version = registry.load_model(version, verify_dataset_hash=False)
    members = tuple(model) if isinstance(model, Mapping) else ()
    with database.read() as connection:
        spec = connection.execute(
            select(model_registry.c.feature_spec).where(model_registry.c.id == version.id)
        ).scalar_one()
    graph = FeatureGraph.of(spec)
    if graph is None:
        raise FeatureGraphError(
            f"{version.ref} was registered without features, so nothing says what it is given; "
            "register it with features=, or record its sessions yourself"
        )
    predict = scorer(model, kind)
    config = version.manifest.get("config") or {}
    params = (config.get("trainer") or {}).get("params") or {}
    return Runner(
        version_id=version.id,
        predict=predict,
        graph=graph,
        reference=_reference(version, predict, graph, members, home=home, time_column=time_column),
        positions=params.get("positions") or {},
        members=members,
    )


def scorer(model: Any, kind: Kind) -> Callable[[pd.DataFrame], Any]:
    """Features to scores: probability of class 1 where the model has one, else its prediction.

    A bundle's members stand beside each other, one column each.
    """
    if isinstance(model, Mapping):
        each = [scorer(member, kind) for member in model.values()]
        return lambda features: np.column_stack([score(features) for score in each])
    if hasattr(model, "get_params") and not hasattr(model, "feature_names_in_"):
        # scikit-learn's, fitted on a matrix without names: it warns of names it does not know.
        named = _scores(model, kind)
        return lambda features: named(features.to_numpy())
    return _scores(model, kind)


def _scores(model: Any, kind: Kind) -> Callable[[Any], Any]:
    if kind is not Kind.REGRESSOR and hasattr(model, "predict_proba"):
        return lambda rows: model.predict_proba(rows)[:, 1]
    predict: Callable[[Any], Any] = model.predict
    return predict


def _reference(
    version: ModelVersion,
    predict: Callable[[pd.DataFrame], Any],
    graph: FeatureGraph,
    members: tuple[str, ...],
    *,
    home: Path,
    time_column: str,
) -> Vector:
    """Its scores on registered rows after the end of training; on all where those are too few."""
    try:
        frames = [
            pd.read_parquet(home / str(record["path"]))
            for record in version.manifest.get("datasets") or []
        ]
        if not frames:
            return np.zeros(0)
        frame = pd.concat(frames, ignore_index=True)
        features = graph.compute(frame).astype(np.float64)
        scores = said_of(predict, features, members).mean(axis=1)
    except (OSError, ValueError, KeyError, pa.ArrowException, FeatureGraphError) as error:
        log.warning("%s: its registered data cannot be scored: %s", version.ref, error)
        return np.zeros(0)
    unseen = np.ones(len(scores), dtype=bool)
    if (end := version.manifest.get("trained_end")) is not None and time_column in frame.columns:
        unseen = (frame[time_column] > pd.Timestamp(end)).to_numpy()
    known = np.isfinite(scores)
    chosen = unseen & known if (unseen & known).sum() >= MIN_REFERENCE else known
    return np.asarray(scores[chosen], dtype=np.float64)
