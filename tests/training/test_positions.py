from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import ConfigError
from governance.training.positions import positions_from_scores

SHARE = st.floats(0, 1)


@given(scores=st.lists(SHARE), one=SHARE, other=SHARE)
def test_a_position_is_long_short_or_none_and_grows_with_the_score(
    scores: list[float], one: float, other: float
) -> None:
    low, high = sorted((one, other))
    ordered = np.sort(np.array(scores, dtype=float))
    held = positions_from_scores(ordered, long_above=high, short_below=low)
    assert set(held.tolist()) <= {-1.0, 0.0, 1.0}
    assert (np.diff(held) >= 0).all()
    assert (positions_from_scores(ordered, long_above=high) >= 0).all()


@pytest.mark.parametrize(
    ("long_above", "short_below"), [(0.4, 0.6), (1.1, None), (0.5, -0.1), (float("nan"), None)]
)
def test_thresholds_out_of_order_are_refused(long_above: float, short_below: float | None) -> None:
    with pytest.raises(ConfigError, match="between 0 and 1"):
        positions_from_scores(np.array([0.5]), long_above=long_above, short_below=short_below)
