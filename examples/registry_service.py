"""Documents 002 and 003, as far as the registry and the metrics go, in this product's words.

    python examples/registry_service.py

Each step says what the documents call it. Stages: their development is our trained, their staging
our validated, their archived or deprecated our retired. Everything happens in a temporary home.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd

from governance import Governance
from governance.errors import GateFailedError, IllegalTransitionError, MetricConflictError

CHANCE = np.random.default_rng(7)


def trained(folder: Path, rounds: int) -> tuple[lgb.Booster, Path]:
    """A model and the file it was trained on; any pipeline of yours."""
    data = pd.DataFrame(CHANCE.normal(size=(800, 2)), columns=["rain", "canopy"])
    data["rich"] = (data["rain"] + CHANCE.normal(size=800) > 0).astype(int)
    path = folder / f"train_{rounds}.parquet"
    data.to_parquet(path)
    params = {"objective": "binary", "seed": 7, "deterministic": True, "verbosity": -1}
    features = lgb.Dataset(data[["rain", "canopy"]], data["rich"])
    return lgb.train(params, features, num_boost_round=rounds), path


def main(folder: Path) -> list[str]:
    said: list[str] = []
    with Governance.open(home=folder / "home") as gov:
        # registry.register_model(model_name, version, stage=DEVELOPMENT, training_data_path,
        # hyperparameters, training_metadata, created_by)
        for version, rounds in (("0.1.0", 5), ("0.2.0", 40)):
            model, data = trained(folder, rounds)
            entry = gov.registry.register_model(
                "biodiversity_ensemble",
                model,
                model_type="lightgbm",
                version=version,
                description="Improved biodiversity model with new features",
                dataset_paths=[data],
                features=["rain", "canopy"],
                config={"learning_rate": 0.1, "n_estimators": rounds},
                metadata={"training_date": "2024-01-15", "dataset_size": 800},
                created_by="data_scientist",
            )
            said.append(f"registered {entry.ref}: {entry.stage}, id {entry.id}")

        # tracker.log_metric(model_name, model_version, metric_name, metric_value, dataset_split)
        gov.validation.log_metric(entry, "accuracy", 0.95, dataset_split="test", by="ci")
        try:
            gov.validation.log_metric(entry, "accuracy", 0.99, dataset_split="test", by="ci")
        except MetricConflictError as error:
            said.append(f"refused [{error.code}]: the first value stays")

        # tracker.evaluate_classification(...) and evaluate_regression(...)
        measured = gov.validation.evaluate_classification(
            model_name="biodiversity_ensemble",
            model_version="0.2.0",
            y_true=[0, 1, 0, 1, 1, 0],
            y_pred=[0, 1, 0, 1, 0, 0],
            dataset_split="validation",
            by="ci",
        )
        said.append(f"measured recall {measured['recall']:.2f} on validation")

        # GET /governance/models/{version_id}/validate
        decision = gov.validate(entry, by="ci")
        said.append(f"validated: {decision.verdict}")

        # registry.promote_model(model_name, version, target_stage=PRODUCTION, approved_by)
        try:
            gov.promotion.promote_to_production(entry, by="engineer", approved_by="ml_lead")
        except GateFailedError as error:
            said.append(f"refused [{error.code}]: no evidence from a shadow run")
        gov.promotion.promote_to_production(
            entry, by="engineer", approved_by="ml_lead", force=True, reason="first version"
        )
        try:
            gov.registry.transition("biodiversity_ensemble:0.1.0", "staging", "engineer", "skip")
        except IllegalTransitionError as error:
            said.append(f"refused [{error.code}]: {error.message}")

        # registry.get_model, get_latest_version, list_models
        live = gov.registry.get_latest_version("biodiversity_ensemble", stage="production")
        listed = gov.registry.list_models("biodiversity_ensemble", limit=10)
        said.append(f"live {live.ref if live else None}; listed {[v.version for v in listed]}")

        # load_model(model_id, verify_dataset_hash=True, current_dataset_paths=[...])
        _, loaded = gov.registry.load_model(
            "biodiversity_ensemble@production", features=["rain", "canopy"]
        )
        said.append(f"loaded {loaded.ref}: bytes, data and features are the registered ones")
        said.append(f"audit log intact: {gov.audit.verify().entries} entries")
    return said


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        print("\n".join(main(Path(scratch))))
