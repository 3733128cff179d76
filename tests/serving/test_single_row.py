"""LightGBM's short way for one row gives what its ordinary way gives, or is not taken."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import lightgbm.basic
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from governance.serving import single_row as module
from governance.serving.predicting import Predictor
from governance.serving.single_row import single_row

COLUMNS = 5
KINDS: dict[str, dict[str, Any]] = {
    "regression": {"objective": "regression"},
    "binary": {"objective": "binary"},
    "classes": {"objective": "multiclass", "num_class": 3},
    "linear trees": {"objective": "regression", "linear_tree": True},
    "categories": {"objective": "regression"},
}


def booster(kind: str) -> lightgbm.Booster:
    random = np.random.default_rng(3)
    rows = random.normal(size=(300, COLUMNS))
    rows[:, 4] = random.integers(0, 4, 300)
    rows[::7, 1] = np.nan
    target = np.nan_to_num(rows[:, 0] + rows[:, 4])
    wanted = {"binary": target > 0, "classes": np.digitize(target, [0.5, 2.5])}.get(kind, target)
    texts: Any = [4] if kind == "categories" else "auto"
    data = lightgbm.Dataset(rows, np.asarray(wanted, dtype=float), categorical_feature=texts)
    return lightgbm.train({"verbose": -1, "num_threads": 1, **KINDS[kind]}, data, 8)


BOOSTERS = {kind: booster(kind) for kind in KINDS}
cell = st.floats(allow_infinity=False) | st.sampled_from([0.0, 1.0, 2.0, 3.0])


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_scores_as_by_the_ordinary_way(kind: str) -> None:
    ordinary = BOOSTERS[kind]
    short = single_row(ordinary)
    assert short is not None

    @given(st.lists(cell, min_size=COLUMNS, max_size=COLUMNS))
    def same(values: list[float]) -> None:
        row = np.array([values])
        expected = ordinary.predict(row, num_threads=1)
        assert np.array_equal(short(row), expected)
        assert short(row).shape == np.asarray(expected).shape

    same()


def test_callers_at_once_do_not_get_each_others_scores() -> None:
    short = single_row(BOOSTERS["classes"])
    assert short is not None
    rows = np.random.default_rng(4).normal(size=(2000, COLUMNS))
    with ThreadPoolExecutor(4) as pool:
        found = np.concatenate(list(pool.map(lambda row: short(row.reshape(1, -1)), rows)))
    assert np.array_equal(found, BOOSTERS["classes"].predict(rows, num_threads=1))


def test_a_call_that_gives_anything_else_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    right = module.SingleRow.__call__

    def wrong(self: module.SingleRow, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        return right(self, matrix) + 1e-12

    monkeypatch.setattr(module.SingleRow, "__call__", wrong)
    assert single_row(BOOSTERS["regression"]) is None
    predictor = Predictor(BOOSTERS["regression"], tuple("abcde"))
    row = np.ones((1, COLUMNS))
    assert np.array_equal(
        predictor(row)["prediction"], BOOSTERS["regression"].predict(row, num_threads=1)
    )


def test_a_library_without_the_call_is_served_the_ordinary_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library: Any = vars(lightgbm.basic)["_LIB"]

    class Older:
        def __getattr__(self, name: str) -> Any:
            if "SingleRowFast" in name:
                raise AttributeError(name)
            return getattr(library, name)

    monkeypatch.setattr("lightgbm.basic._LIB", Older())
    assert single_row(BOOSTERS["regression"]) is None
    predictor = Predictor(BOOSTERS["regression"], tuple("abcde"))
    assert np.isfinite(predictor(np.ones((1, COLUMNS)))["prediction"]).all()
