"""The lifecycle table against the sentences of the design, every pair of stages."""

from __future__ import annotations

import itertools

import pytest

from governance.errors import IllegalTransitionError, InvalidInputError, UsePromotionError
from governance.registry.lifecycle import (
    ROUTES,
    TRANSITIONS,
    Route,
    check_activation,
    check_transition,
    parse_stage,
)
from governance.values import Stage

BEFORE_PRODUCTION = (Stage.DRAFT, Stage.TRAINED, Stage.VALIDATED, Stage.STAGING)


def _allowed_by_the_design(current: Stage, target: Stage) -> bool:
    """What may be done by hand: the chain, giving up before production, a stopped trial."""
    chain = list(itertools.pairwise(BEFORE_PRODUCTION[1:]))
    return (
        (current, target) in chain
        or (current in BEFORE_PRODUCTION and target in (Stage.FAILED, Stage.RETIRED))
        or (current, target) == (Stage.STAGING, Stage.VALIDATED)
    )


@pytest.mark.parametrize(("current", "target"), list(itertools.product(Stage, Stage)), ids=str)
def test_a_transition_is_allowed_exactly_where_the_design_says(
    current: Stage, target: Stage
) -> None:
    if _allowed_by_the_design(current, target):
        check_transition(current, target)
    elif Stage.PRODUCTION in (current, target):
        with pytest.raises(UsePromotionError, match="promote_to_production"):
            check_transition(current, target)
    else:
        with pytest.raises(IllegalTransitionError) as refusal:
            check_transition(current, target)
        for stage in Stage:  # the refusal names what is allowed
            if _allowed_by_the_design(current, stage):
                assert str(stage) in str(refusal.value) or current is Stage.DRAFT


@pytest.mark.parametrize("current", Stage, ids=str)
def test_each_way_into_production_starts_where_the_design_says(current: Stage) -> None:
    starts = {
        Route.PROMOTION: {Stage.STAGING},
        Route.FORCE: {Stage.VALIDATED, Stage.STAGING},
        Route.ROLLBACK: {Stage.RETIRED},
        Route.FAILOVER: {Stage.RETIRED},
    }
    for route in Route:
        if current in starts[route]:
            check_activation(current, route)
        else:
            with pytest.raises(IllegalTransitionError, match="may start from"):
                check_activation(current, route)


def test_failed_is_final_by_every_way() -> None:
    assert TRANSITIONS[Stage.FAILED] == ()
    assert all(Stage.FAILED not in starts for starts in ROUTES.values())


def test_the_routes_are_edges_of_the_table() -> None:
    for starts in ROUTES.values():
        for start in starts:
            assert Stage.PRODUCTION in TRANSITIONS[start]


def test_the_table_cannot_be_written() -> None:
    with pytest.raises(TypeError):
        TRANSITIONS[Stage.FAILED] = (Stage.PRODUCTION,)  # type: ignore[index]  # that is the point


@pytest.mark.parametrize("text", ["Trained", "", "live", None, 3, ["trained"]])
def test_a_word_that_is_no_stage_is_refused_with_those_that_are(text: object) -> None:
    with pytest.raises(InvalidInputError, match="draft, trained, validated, staging, production"):
        parse_stage(text)
