"""Metrics of a regressor. Each equals scikit-learn's figure where that one exists (tested)."""

from __future__ import annotations

from typing import Any

import numpy as np

from governance.evidence.measured import Measured, as_vector, require_same_rows


def regression_metrics(y_true: Any, y_pred: Any) -> Measured:
    """Mean absolute error, mean squared error, its root, and R² = 1 - SS_res / SS_tot.

    Args:
        y_true, y_pred: finite numbers in the target's unit, shape (n,).

    Raises:
        InvalidEvidenceError: no rows, different lengths, missing or infinite values.

    >>> measured = regression_metrics([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 5.0])
    >>> dict(measured)
    {'mae': 0.25, 'mse': 0.25, 'rmse': 0.5, 'r2': 0.8}
    >>> regression_metrics([2.0, 2.0], [2.0, 2.5]).reasons
    {'r2': 'y_true is constant'}
    """
    truth, predicted = as_vector(y_true, "y_true"), as_vector(y_pred, "y_pred")
    require_same_rows(y_true=y_true, y_pred=y_pred)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        error = truth - predicted
        squared = float((error**2).mean())
        around_mean = float(((truth - truth.mean()) ** 2).sum())
        values: dict[str, float | None] = {
            "mae": float(np.abs(error).mean()),
            "mse": squared,
            "rmse": float(np.sqrt(squared)),
        }
        reasons = {}
        # Compared by values: the mean of equal numbers may differ from them in the last bit.
        if truth.min() == truth.max() or around_mean == 0.0:
            values["r2"] = None
            reasons["r2"] = "one row has no spread" if truth.size == 1 else "y_true is constant"
        else:
            values["r2"] = 1.0 - float((error**2).sum()) / around_mean
    return Measured(values, truth.size, reasons)
