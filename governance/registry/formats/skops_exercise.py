"""Does a scikit-learn model that was built from a file predict? Run in the probe's child.

``formats.skops_file`` built it from checked parts; here it must show that the parts make a model:
rows of the width it says, through what its users will call, and the file once more. Not promised:
that it predicts well, or that every row is taken (a model without an imputer refuses missing
values).
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

from governance.registry.formats import skops_file

ROWS = 64
MOST_FEATURES = 100_000


def exercise(model: Any) -> str | None:
    """What is wrong with its predictions; ``None`` if nothing is.

    Raises:
        Exception: whatever the model raises for ordinary rows.
    """
    features = model.n_features_in_
    if isinstance(features, bool) or not isinstance(features, int | np.integer):
        return "it does not say how many features it was fitted on"
    if not 1 <= features <= MOST_FEATURES:
        return f"it says that it was fitted on {features} features"
    random = np.random.default_rng(0)
    scale = 10.0 ** random.integers(-3, 6, (ROWS, 1))
    rows = np.vstack([np.zeros((1, features)), random.normal(size=(ROWS, features)) * scale])
    predicted = np.asarray(model.predict(rows))
    if predicted.shape[:1] != (len(rows),):
        return "it does not predict one value for each row"
    if predicted.dtype.kind == "f" and not np.isfinite(predicted).all():
        return "it predicts NaN or infinity for ordinary rows"
    if hasattr(model, "predict_proba"):
        shares = np.asarray(model.predict_proba(rows))
        if shares.shape != (len(rows), len(model.classes_)):
            return "it does not give one probability for each class"
        if not ((shares >= 0) & (shares <= 1)).all() or not np.allclose(shares.sum(axis=1), 1):
            return "what it gives as probabilities are none"
    for value in (np.nan, 1e300, -1e300):
        with suppress(ValueError):  # a refusal in words is as good as an answer
            model.predict(np.full((1, features), value))
    skops_file.dump(model)
    return None
