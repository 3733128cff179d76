"""What a data scientist writes first: a loop over the columns with scipy's tests, and PSI.

Runs with our interpreter in a process of its own. Every statistic is scipy's own function with its
defaults; the columns are read once, all together.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy
from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.peers.comparing import Asked, serve


def psi(reference: npt.NDArray[np.float64], current: npt.NDArray[np.float64]) -> float:
    """On ten quantile bins of the reference, 0.5 added to every count."""
    cuts = np.quantile(reference, np.linspace(0, 1, 11)[1:-1])
    p, q = (np.bincount(np.searchsorted(cuts, x), minlength=10) + 0.5 for x in (reference, current))
    p, q = p / p.sum(), q / q.sum()
    return float(np.sum((q - p) * np.log(q / p)))


def numeric(reference: pd.Series, current: pd.Series) -> bool:
    before, now = reference.dropna().to_numpy(), current.dropna().to_numpy()
    found = stats.ks_2samp(before, now)
    return bool(found.pvalue < 0.05) or psi(before, now) > 0.2


def categorical(reference: pd.Series, current: pd.Series) -> bool:
    counts = [column.value_counts() for column in (reference, current)]
    table = pd.concat(counts, axis=1).fillna(0).to_numpy().T
    return bool(stats.chi2_contingency(table).pvalue < 0.05)


def compare(asked: Asked) -> list[str]:
    reference, current = asked.windows()
    drifted = [name for name in asked.numeric if numeric(reference[name], current[name])]
    return drifted + [
        name for name in asked.categorical if categorical(reference[name], current[name])
    ]


if __name__ == "__main__":
    serve(compare, scipy.__version__)
