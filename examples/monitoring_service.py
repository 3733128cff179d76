"""Document 002, as far as drift goes, in this product's words.

    python examples/monitoring_service.py

Each step says what the document calls it; ``DriftDetector(db_client)`` is ``gov.drift``. Their
alert is one compared feature: it is recorded and acknowledged, but nobody is told. Incidents and
messages come from the hourly scans (docs/how-to/watch-live-data.md), since rows of live data are
not independent and a comparison on request cannot know how far days lie apart. Everything happens
in a temporary home.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd

from governance import Governance
from governance.errors import ConflictError, DriftDisabledError, InvalidInputError
from governance.settings import Settings

CHANCE = np.random.default_rng(12)
MODEL = "biodiversity_ensemble"


def features(mean: float, habitat: tuple[float, float]) -> pd.DataFrame:
    """The document's two features, a category, and a column that is hardly ever there."""
    data = pd.DataFrame(
        {
            "feature1": CHANCE.normal(mean, 1, 1000),
            "feature2": CHANCE.normal(5, 2, 1000),
            "habitat": CHANCE.choice(["forest", "meadow"], 1000, p=habitat),
            "sensor": CHANCE.normal(0, 1, 1000),
        }
    )
    data.loc[5:, "sensor"] = np.nan
    return data


def register(gov: Governance, data: pd.DataFrame) -> str:
    """A version that drift can be recorded for; any pipeline of yours."""
    numbers = data[["feature1", "feature2"]]
    rich = (data["feature1"] > 0).astype(int)
    params = {"objective": "binary", "seed": 7, "deterministic": True, "verbosity": -1}
    model = lgb.train(params, lgb.Dataset(numbers, rich), num_boost_round=5)
    gov.registry.register_model(
        MODEL,
        model,
        model_type="lightgbm",
        version="0.2.0",
        features=list(numbers),
        created_by="data_scientist",
    )
    return f"{MODEL}:0.2.0"  # their model_name and model_version in one


def main(folder: Path) -> list[str]:
    said: list[str] = []
    reference_data, current_data = features(0, (0.5, 0.5)), features(2, (0.9, 0.1))

    # enable_drift_detection, drift_threshold, drift_detection_method of base_settings.py; here
    # GOVERNANCE_ENABLE_DRIFT_DETECTION and so on, or by hand. These are the defaults.
    settings = Settings.load(
        home=folder / "home",
        enable_drift_detection=True,
        drift_threshold=0.2,
        drift_detection_method="ks_test",
    )
    with Governance.open(settings=settings) as gov:
        ref = register(gov, reference_data)

        # detector.detect_data_drift(model_name, model_version, reference_data, current_data,
        # threshold, method); theirs gives alerts, ours a detection for every column
        for found in gov.drift.detect_data_drift(
            ref, reference_data, current_data, threshold=0.2, method="ks_test"
        ):
            score = "no score" if found.score is None else f"{found.score:.2f} by {found.method}"
            said.append(f"{found.feature}: {found.severity}, {found.finding}, {score}")

        # method="psi" and method="chi_square"
        for method in ("psi", "chi_square"):
            compared = gov.drift.detect_data_drift(
                ref, reference_data[["habitat"]], current_data[["habitat"]], method=method
            )
            said.append(f"habitat by {method}: alert {compared[0].is_alert}")
        try:
            gov.drift.detect_data_drift(ref, reference_data, current_data, threshold=-0.2)
        except InvalidInputError as error:
            said.append(f"refused [{error.code}]: {error.message}")

        # detector.detect_prediction_drift(model_name, model_version, reference_predictions,
        # current_predictions, threshold)
        before, now = CHANCE.normal(50, 10, 1000), CHANCE.normal(60, 10, 1000)
        predicted = gov.drift.detect_prediction_drift(ref, before, now, threshold=0.2)
        said.append(f"predictions: alert {predicted.is_alert}; {predicted.reason}")

        # detector.get_drift_alerts(model_name, is_alert=True, limit=100)
        alerts = gov.drift.get_drift_alerts(MODEL, is_alert=True, limit=100)
        said.append(f"alerts, newest first: {[alert.feature for alert in alerts]}")

        # detector.acknowledge_alert(alert_id, acknowledged_by); the first person stays
        seen = gov.drift.acknowledge_alert(alerts[0].id, "data_scientist")
        said.append(f"{seen.feature}: seen by {seen.acknowledged_by}")
        try:
            gov.drift.acknowledge_alert(alerts[0].id, "ml_lead")
        except ConflictError as error:
            said.append(f"refused [{error.code}]: {error.message}")
        left = gov.drift.get_drift_alerts(MODEL, is_alert=True, acknowledged=False)
        said.append(f"{len(left)} of {len(alerts)} alerts are not acknowledged")

    # enable_drift_detection = False: refused, so that nobody takes silence for "no drift"
    off = Settings.load(home=folder / "home", enable_drift_detection=False)
    with Governance.open(settings=off) as gov:
        try:
            gov.drift.detect_data_drift(ref, reference_data, current_data)
        except DriftDisabledError as error:
            said.append(f"refused [{error.code}]: {error.message}")
    return said


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        print("\n".join(main(Path(scratch))))
