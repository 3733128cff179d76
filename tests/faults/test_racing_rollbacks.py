"""F5 for ways back: rollbacks, promotions and failovers that saw the same generation; one wins.

GOVERNANCE_FAULTS=full races 40 rounds, ``make test`` a few.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from governance import Governance
from governance.errors import StaleGenerationError
from governance.values import Stage
from tests.decisions import eligible
from tests.decisions.history import corrupt, promoted, told
from tests.versions import NAME

FULL = os.environ.get("GOVERNANCE_FAULTS") == "full"
ROUNDS = 40 if FULL else 3
RACERS = 8


def _race(calls: list[Callable[[], Any]]) -> list[Any]:
    """What each call gave, or how it was refused, having started together."""
    start = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        start.wait(60)
        try:
            return call()
        except StaleGenerationError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def _rollback(gov: Governance, expected: int) -> Callable[[], Any]:
    return lambda: gov.promotion.rollback_model(
        NAME, by="max", reason="race", expected_generation=expected
    )


def _is_one_line(gov: Governance, generation: int) -> None:
    rows = gov.promotion.history(NAME)
    assert [row["generation"] for row in rows] == [*range(1, generation + 1)]
    live = gov.registry.list_models(NAME, stage=Stage.PRODUCTION)
    assert [version.id for version in live] == [rows[-1]["version_id"]]
    assert gov.audit.verify()


def test_of_many_rollbacks_one_goes_back_one_step(gov: Governance) -> None:
    for number in range(ROUNDS):
        first = promoted(gov, number * 2)
        promoted(gov, number * 2 + 1)
        seen = gov.registry.generation(NAME)
        found = _race([_rollback(gov, seen)] * RACERS)
        (winner,) = [one for one in found if not isinstance(one, StaleGenerationError)]
        assert (winner.version_id, winner.generation) == (first.id, seen + 1)
        stale = [one.generation for one in found if isinstance(one, StaleGenerationError)]
        assert stale == [seen + 1] * (RACERS - 1)
        _is_one_line(gov, seen + 1)
    assert len(told(gov)) == ROUNDS


def test_of_a_rollback_and_a_promotion_one_wins(gov: Governance) -> None:
    promoted(gov, 0)
    promoted(gov, 1)
    outcomes: Counter[str] = Counter()
    for number in range(ROUNDS):
        candidate = eligible.staged(gov, 2 + number)
        seen = gov.registry.generation(NAME)

        def promote(candidate: Any = candidate, seen: int = seen) -> Any:
            return gov.promotion.promote_to_production(
                candidate, by="eve", expected_generation=seen
            )

        found = _race([promote, _rollback(gov, seen)])
        (winner,) = [one for one in found if not isinstance(one, StaleGenerationError)]
        outcomes[winner.operation] += 1
        assert gov.registry.generation(NAME) == seen + 1
        if winner.operation == "rollback":  # so that the next round has somewhere to go back to
            promoted(gov, 1000 + number)
    assert sum(outcomes.values()) == ROUNDS
    _is_one_line(gov, gov.registry.generation(NAME))


def test_of_a_failover_and_a_rollback_one_takes_the_corrupt_version_out(gov: Governance) -> None:
    for number in range(ROUNDS):
        first = promoted(gov, number * 2)
        broken = promoted(gov, number * 2 + 1)
        corrupt(gov, broken)
        seen = gov.registry.generation(NAME)
        (report,), rolled_back = _race([lambda: gov.health.check(NAME), _rollback(gov, seen)])
        failed_over = report.decision is not None
        assert failed_over == isinstance(rolled_back, StaleGenerationError)
        assert gov.registry.generation(NAME) == seen + 1
        live = gov.registry.get_production_model(NAME)
        assert live is not None and live.id == first.id
        left_as = Stage.FAILED if failed_over else Stage.RETIRED
        assert gov.registry.resolve(broken).stage is left_as
        _is_one_line(gov, seen + 1)
    assert len(told(gov)) == ROUNDS


def test_of_two_checks_one_fails_over(gov: Governance) -> None:
    promoted(gov, 1)
    corrupt(gov, promoted(gov, 2))
    reports = _race([lambda: gov.health.check(NAME)] * RACERS)
    assert sum(report.decision is not None for (report,) in reports) == 1
    assert len(told(gov)) == 1
    _is_one_line(gov, 3)
