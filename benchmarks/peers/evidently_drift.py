"""Evidently's drift metric for each column of two data frames, with its own defaults.

Its ``DataDriftPreset`` computes each column three times and takes three times as long.
Runs in the environment ``.bench/evidently`` (`make bench-peers`).
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

os.environ["DO_NOT_TRACK"] = "1"
warnings.simplefilter("ignore")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import evidently  # type: ignore[import-not-found,unused-ignore]  # noqa: E402 - in an environment of its own
from evidently.metrics import ValueDrift  # type: ignore[import-not-found,unused-ignore]  # noqa: E402

from benchmarks.peers.comparing import Asked, serve  # noqa: E402 - after the path


def compare(asked: Asked) -> list[str]:
    columns = evidently.DataDefinition(
        numerical_columns=asked.numeric, categorical_columns=asked.categorical
    )
    reference, current = (
        evidently.Dataset.from_pandas(window, data_definition=columns) for window in asked.windows()
    )
    report = evidently.Report([ValueDrift(column=name) for name in asked.features])
    found = report.run(current, reference).dict()
    # With more than 1,000 rows its defaults are distances: above the threshold is drift.
    return [
        metric["config"]["column"]
        for metric in found["metrics"]
        if metric["value"] > metric["config"]["threshold"]
    ]


if __name__ == "__main__":
    serve(compare, evidently.__version__)
