"""NannyML's univariate drift calculator by day, with its own defaults otherwise.

Runs in the environment ``.bench/nannyml`` (`make bench-peers`). The days of the reference give it
its thresholds, so it is calibrated as ours is.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
warnings.simplefilter("ignore")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import nannyml  # type: ignore[import-not-found,unused-ignore]  # noqa: E402 - in an environment of its own

from benchmarks.peers.comparing import Asked, serve  # noqa: E402 - after the path


def compare(asked: Asked) -> list[str]:
    reference, current = asked.windows(asked.time)
    calculator = nannyml.UnivariateDriftCalculator(
        column_names=asked.features,
        treat_as_categorical=asked.categorical,
        timestamp_column_name=asked.time,
        chunk_period="D",
    )
    found = calculator.fit(reference).calculate(current)
    alerts = found.filter(period="analysis").to_df().xs("alert", axis=1, level=2).any()
    return sorted({column for column, _ in alerts[alerts].index})


if __name__ == "__main__":
    serve(compare, nannyml.__version__)
