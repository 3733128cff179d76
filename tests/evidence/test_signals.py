from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import InvalidEvidenceError
from governance.evidence.signals import signal_metrics

ROWS = st.lists(
    st.tuples(st.booleans(), st.floats(0, 1e6), st.floats(0, 1e6)), min_size=1, max_size=30
)


@given(ROWS)
def test_figures_are_means_over_the_rows_that_were_acted_on(
    rows: list[tuple[bool, float, float]],
) -> None:
    acted, up, down = map(list, zip(*rows, strict=True))
    found = signal_metrics(acted, up, down)
    chosen = [row for row in rows if row[0]]
    assert found["signals"] == len(chosen)
    if chosen:
        assert found["mfe_bps"] == pytest.approx(np.mean([row[1] for row in chosen]))
        assert found["mae_bps"] == pytest.approx(np.mean([row[2] for row in chosen]))
    else:
        assert found["mfe_bps"] is None and found.reasons["mae_bps"] == "the model never acted"


@pytest.mark.parametrize(
    ("acted", "up", "down"),
    [([], [], []), ([1], [1, 2], [1]), ([1], [-1], [0]), ([1], [0], [float("nan")])],
)
def test_excursions_that_cannot_be_are_refused(
    acted: list[int], up: list[float], down: list[float]
) -> None:
    with pytest.raises(InvalidEvidenceError):
        signal_metrics(acted, up, down)
