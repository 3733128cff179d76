"""One statistic a file: formula, shapes, source and an example in each; pure numpy and scipy.

On counts ``[..., B]`` a function is vectorised over leading axes; a figure that does not exist is
NaN, never a warning or an exception. ``STATISTICS`` lists the figures of two samples by name: tests
run every one through every edge case, and a module that lists none fails them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from governance.evidence.drift.statistics.benjamini_hochberg import benjamini_hochberg
from governance.evidence.drift.statistics.chi_square import (
    ChiSquare,
    chi_square,
    chi_square_samples,
)
from governance.evidence.drift.statistics.jensen_shannon import (
    jensen_shannon,
    jensen_shannon_samples,
)
from governance.evidence.drift.statistics.ks import (
    KsTest,
    ks_bound,
    ks_distance,
    ks_p_value,
    ks_two_sample,
)
from governance.evidence.drift.statistics.mean_shift import mean_shift, mean_shift_samples
from governance.evidence.drift.statistics.psi import (
    psi,
    psi_null_mean,
    psi_null_quantile,
    psi_p_value,
    psi_samples,
)
from governance.evidence.drift.statistics.shares import FloatArray
from governance.evidence.drift.statistics.total_variation import (
    total_variation,
    total_variation_null_mean,
    total_variation_samples,
)
from governance.evidence.drift.statistics.variance_shift import (
    variance_ratio,
    variance_ratio_samples,
)
from governance.evidence.drift.statistics.wasserstein import wasserstein, wasserstein_samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """
    Attributes:
        module: the file that computes it.
        samples: its value for two samples of numbers; NaN where it does not exist.
        lowest, highest: the range of the value.
        same: its value for two equal samples with spread.
    """

    module: str
    samples: Callable[[FloatArray, FloatArray], float]
    lowest: float
    highest: float
    same: float = 0.0


_INF = float("inf")

STATISTICS: Mapping[str, Statistic] = MappingProxyType(
    {
        "psi": Statistic(module="psi", samples=psi_samples, lowest=0, highest=_INF),
        "ks": Statistic(
            module="ks", samples=lambda x, y: ks_two_sample(x, y).distance, lowest=0, highest=1
        ),
        "ks_p_value": Statistic(
            module="ks",
            samples=lambda x, y: ks_two_sample(x, y).p_value,
            lowest=0,
            highest=1,
            same=1,
        ),
        "chi_square": Statistic(
            module="chi_square", samples=chi_square_samples, lowest=0, highest=_INF
        ),
        "mean_shift": Statistic(
            module="mean_shift", samples=mean_shift_samples, lowest=-_INF, highest=_INF
        ),
        "variance_ratio": Statistic(
            module="variance_shift", samples=variance_ratio_samples, lowest=0, highest=_INF, same=1
        ),
        "jensen_shannon": Statistic(
            module="jensen_shannon", samples=jensen_shannon_samples, lowest=0, highest=1
        ),
        "wasserstein": Statistic(
            module="wasserstein", samples=wasserstein_samples, lowest=0, highest=_INF
        ),
        "total_variation": Statistic(
            module="total_variation", samples=total_variation_samples, lowest=0, highest=1
        ),
    }
)

__all__ = [
    "STATISTICS",
    "ChiSquare",
    "KsTest",
    "Statistic",
    "benjamini_hochberg",
    "chi_square",
    "jensen_shannon",
    "ks_bound",
    "ks_distance",
    "ks_p_value",
    "ks_two_sample",
    "mean_shift",
    "psi",
    "psi_null_mean",
    "psi_null_quantile",
    "psi_p_value",
    "psi_samples",
    "total_variation",
    "total_variation_null_mean",
    "variance_ratio",
    "wasserstein",
    "wasserstein_samples",
]
