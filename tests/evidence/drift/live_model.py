"""A model in production with live data by hour, small enough to be scanned in a test."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import delete, func, select

from governance import Governance
from governance.evidence.drift.report import DriftReport
from governance.store.alert_tables import alert_outbox
from governance.values import ModelVersion
from tests.versions import validated

NAME = "watched"
FEATURES = (*(f"x{number}" for number in range(9)), "color")
START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 8
AT = START + timedelta(days=DAYS + 1)  # the reference is full, the window is one whole day
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ROWS = 25
REFERENCE = f"{DAYS}d"

Change = Callable[[datetime, pd.DataFrame], pd.DataFrame]


def hour_rows(hour: datetime) -> pd.DataFrame:
    """The rows of an hour: numbers with a daily wave, a category, a few missing values."""
    seed = int(hour.timestamp()) // 3600
    random = np.random.default_rng(seed)
    numbers = random.normal(size=(ROWS, 9)) + 0.3 * np.sin(hour.hour / 24 * 2 * np.pi)
    frame = pd.DataFrame(numbers, columns=list(FEATURES[:9]))
    frame.loc[frame.index % 20 == 3, "x8"] = np.nan
    frame["color"] = random.choice(["red", "green", "blue"], size=ROWS, p=[0.5, 0.3, 0.2])
    seconds = np.sort(random.uniform(0, 3600, size=ROWS))
    frame["time"] = pd.to_datetime(hour) + pd.to_timedelta(seconds, unit="s")
    return frame


def place(folder: Path, hour: datetime) -> Path:
    return folder / hour.strftime("date=%Y-%m-%d/hour=%H/part.parquet")


def write_hour(folder: Path, hour: datetime, frame: pd.DataFrame) -> Path:
    """One hour as a file of its own, in place of what was there."""
    path = place(folder, hour)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    frame.to_parquet(path, index=False)
    return path


def write_hours(folder: Path, start: datetime, end: datetime, change: Change | None = None) -> None:
    while start < end:
        frame = hour_rows(start)
        write_hour(folder, start, frame if change is None else change(start, frame))
        start += HOUR


def link_hours(source: Path, target: Path) -> Path:
    """A copy of a folder of hours that costs no copying; files are only ever replaced."""
    for path in source.rglob("*.parquet"):
        there = target / path.relative_to(source)
        there.parent.mkdir(parents=True, exist_ok=True)
        os.link(path, there)
    return target


def declare(home: Path, live: Mapping[str, Any], *, name: str = NAME, **drift: Any) -> None:
    """Write `governance.yaml` of a home; a model that stands there already stays."""
    path = home / "config" / "governance.yaml"
    document = json.loads(path.read_text()) if path.exists() else {"models": {}}
    document["models"][name] = {
        "kind": "classifier",
        "owner": "tests",
        "source": {"function": "governance.training.sources:csv"},
        "label": {"function": "tests.training.small_model:goes_up"},
        "trainer": {"function": "governance.training.trainers.lightgbm:train"},
        "features": {
            "inputs": list(FEATURES),
            "definitions": [{"name": "x0", "version": "1", "dependencies": ["x0"]}],
        },
        "splits": {"method": "time", "validation_share": 0.1, "test_share": 0.1},
        "metrics": ["auc"],
        "drift": {"live": dict(live), "calendar": {"days": "same"}, **drift},
    }
    document["alerts"] = {"email": ["duty@example.com"]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))  # JSON is YAML


def parquet(folder: Path) -> dict[str, Any]:
    return {"kind": "parquet", "path": str(folder)}


def in_production(
    gov: Governance, *, name: str = NAME, seed: int = 0, at: datetime = START
) -> ModelVersion:
    """A version that decides from `at` on."""
    version = validated(gov, seed, name=name)
    gov.promotion.promote_to_production(version, by="eve", force=True, reason="first", at=at)
    forget_notices(gov)
    return gov.registry.resolve(version.id)


def forget_notices(gov: Governance) -> None:
    """What is told of promotions is no matter of these tests; the outbox is for drift alone."""
    with gov.database.begin() as tx:
        tx.execute(delete(alert_outbox).where(alert_outbox.c.event == "notice"))


def watched(gov: Governance, live: Path, **drift: Any) -> ModelVersion:
    declare(gov.settings.home, parquet(live), **drift)
    return in_production(gov)


def scan(gov: Governance, at: datetime = AT) -> DriftReport:
    return gov.drift.scan(NAME, at=at, reference=REFERENCE)


def shifted(hour: datetime, frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(x0=frame["x0"] + 2, x1=frame["x1"] + 2, x2=frame["x2"] - 2)


def shift_window(live: Path) -> None:
    write_hours(live, AT - DAY, AT, shifted)


def row_count(gov: Governance, table: Any) -> int:
    with gov.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def set_policy(gov: Governance, **limits: Any) -> None:
    path = gov.settings.policy_path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"defaults": {"drift": limits}}))
