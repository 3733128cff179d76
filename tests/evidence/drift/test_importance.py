"""The importance of features reaches the columns they are made of, and is never lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import InvalidEvidenceError
from governance.evidence.drift.profiles.importance import column_importance

SPEC: dict[str, Any] = {
    "inputs": ["close", "volume", "open", "idle"],
    "definitions": [
        {"name": "close", "version": "1", "dependencies": ["close"], "logic": "column"},
        {
            "name": "change",
            "version": "1",
            "dependencies": ["close", "open"],
            "logic": "x:y",
            "output": False,
        },
        {
            "name": "mix",
            "version": "1",
            "dependencies": ["change", "volume", "open"],
            "logic": "x:y",
        },
    ],
}


def test_importance_goes_through_the_graph_to_the_inputs() -> None:
    assert column_importance(SPEC, {"close": 1.0, "mix": 3.0}) == {
        "close": 0.5, "volume": 0.25, "open": 0.25, "idle": 0.0,
    }  # fmt: skip
    assert column_importance(["a", "b"], {"a": 1.0, "b": 3.0}) == {"a": 0.25, "b": 0.75}


positive = st.floats(0, 1e308, allow_subnormal=False)


@given(importance=st.fixed_dictionaries({}, optional={"close": positive, "mix": positive}))
def test_shares_sum_to_one_or_are_not_known(importance: dict[str, float]) -> None:
    shares = column_importance(SPEC, importance)
    if any(importance.values()):
        assert sum(shares.values()) == pytest.approx(1) and shares["idle"] == 0
        assert list(shares) == sorted(SPEC["inputs"])
    else:
        assert shares == {}


def test_nothing_known_is_not_a_share_of_zero() -> None:
    assert column_importance(None, {"a": 1.0}) == column_importance(SPEC, {}) == {}


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_importance_that_is_no_amount_is_refused(value: float) -> None:
    with pytest.raises(InvalidEvidenceError, match="finite values"):
        column_importance(SPEC, {"mix": value})


def test_importance_of_something_else_is_refused() -> None:
    with pytest.raises(InvalidEvidenceError, match="change"):
        column_importance(SPEC, {"change": 1.0})
