"""From a version to what answers requests: verified, loaded, tried once.

The registry's own load is used, with its checks in its order: digest, data, features, probe. The
features that count are those that ``governance.yaml`` declares now; for a model that is not
declared there, the version's own with the code that is installed now. So a changed feature blocks
predictions until a version with it is in production (or ``ALLOW_FEATURE_MISMATCH=1`` lets it pass,
audited).

Registered data that have changed block in the same way. Data that are not on this machine do not:
there is nothing that differs, and the status says that they were not compared.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from governance.config.model import ModelDeclaration
from governance.errors import DatasetUnavailableError
from governance.registry.features import FeatureGraph
from governance.serving.feature_order import FeatureOrder
from governance.serving.predicting import PREDICTION, Predictor, column_order
from governance.training.prepare import feature_graph
from governance.values import ModelVersion
from governance.wiring import Governance

log = logging.getLogger(__name__)

Dataset = Literal["same", "unavailable", "none", "not_checked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """One loaded version. Immutable: a request answers with the one that it began with.

    Attributes:
        dataset: what the registered data were found to be when it was loaded.
        log_time, log_prediction: what these columns are called in the prediction log, as the
            model's drift section has them.
    """

    version: ModelVersion
    generation: int
    order: FeatureOrder
    predictor: Predictor
    loaded_at: datetime
    dataset: Dataset
    log_time: str = "time"
    log_prediction: str = PREDICTION


def load(
    gov: Governance,
    version: ModelVersion,
    spec: Mapping[str, Any] | None,
    *,
    generation: int,
    declared: ModelDeclaration | None,
    verify_dataset: bool = True,
) -> Serving:
    """
    Raises:
        FeatureGraphMismatchError, DatasetMismatchError: predictions are blocked.
        GovernanceError: it cannot be loaded: see ``governance.registry.loading``.
    """
    registered = None if spec is None else FeatureGraph.from_spec(spec)
    active = _as_installed(spec) if declared is None else feature_graph(declared)
    model, dataset = _checked(gov, version, active, verify_dataset=verify_dataset)
    features = column_order(model, None if registered is None else registered.outputs, version.ref)
    drift = None if declared is None else declared.drift
    time_column = "time" if declared is None else declared.time_column
    order = FeatureOrder(version.ref, features, registered, time_column)
    return Serving(
        version=version,
        generation=generation,
        order=order,
        predictor=Predictor(model, features),
        loaded_at=datetime.now(UTC),
        dataset=dataset,
        log_time=(drift.time_column if drift else None) or time_column,
        log_prediction=(drift.prediction if drift else None) or PREDICTION,
    )


def _checked(
    gov: Governance, version: ModelVersion, active: FeatureGraph | None, *, verify_dataset: bool
) -> tuple[Any, Dataset]:
    registered = bool(version.manifest.get("datasets"))
    dataset: Dataset = "none" if not registered else "same" if verify_dataset else "not_checked"
    try:
        model, _ = gov.registry.load_model(
            version, features=active, verify_dataset_hash=verify_dataset
        )
    except DatasetUnavailableError as error:
        log.warning("%s: its data were not compared: %s", version.ref, error.message)
        model, _ = gov.registry.load_model(version, features=active, verify_dataset_hash=False)
        dataset = "unavailable"
    return model, dataset


def _as_installed(spec: Mapping[str, Any] | None) -> FeatureGraph | None:
    """The registered definitions with the code of now."""
    if spec is None:
        return None
    definitions = [
        {key: value for key, value in one.items() if key != "source"}
        for one in spec.get("definitions") or ()
    ]
    return FeatureGraph.from_spec({**spec, "definitions": definitions})
