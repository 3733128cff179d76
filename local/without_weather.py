"""The same model without its weather features: what the demo holds the declared one against.

It is made by the retrain cycle from a declaration that lacks four features and is `governance.yaml`
in everything else: same rows, same trainer, same seed, same cut-off. The declaration is written
beside Airflow's files, where it can be read.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from governance.settings import Settings
from governance.values import ModelVersion, iso
from governance.wiring import Governance

MODEL = "arrival_delay"
WEATHER = ("humid", "wind_speed", "precip", "visib")


def reduced(declared: dict[str, Any]) -> dict[str, Any]:
    """`declared` (the whole file) with the model's weather features taken out."""
    copied: dict[str, Any] = json.loads(json.dumps(declared))
    model = copied["models"][MODEL]
    features = model["features"]
    features["inputs"] = [name for name in features["inputs"] if name not in WEATHER]
    features["definitions"] = [one for one in features["definitions"] if one["name"] not in WEATHER]
    model["description"] += "; without the weather"
    return copied


def train_without_weather(gov: Governance, *, at: datetime, folder: Path) -> ModelVersion:
    """Check, train, register and validate it; the same again gives the same version.

    Args:
        folder: where its declaration is written.
    """
    file = folder / "without_weather.yaml"
    declared = yaml.safe_load(gov.settings.config_path.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump(reduced(declared), sort_keys=False), encoding="utf-8")
    settings = Settings.load(
        home=gov.settings.home,
        database_url=gov.settings.url,
        config=file,
        policy=gov.settings.policy_path,
    )
    run = f"without_weather/{iso(at)}"
    with Governance.open(settings=settings) as other:
        other.cycle.check_data(MODEL, run=run, at=at)
        other.cycle.train(MODEL, run=run, at=at)
        made = other.cycle.register(MODEL, run=run, at=at, by="demo")
        other.cycle.validate(made["ref"], by="demo", at=at)
    return gov.registry.resolve(made["version_id"])
