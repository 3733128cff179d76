"""F5: many promoters who saw the same generation; exactly one wins each round.

`make test` runs a sample, GOVERNANCE_FAULTS=full 40 rounds, in which nobody may wait for an answer
longer than a second. A loser hears `StaleGenerationError` with where the model stands now.
Afterwards the activations read as a compare-and-set register: each generation once, each from the
one before, and what everybody was told fits one serial order (F6).
"""

from __future__ import annotations

import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from governance import Governance
from governance.errors import ConflictError, StaleGenerationError
from governance.values import ModelVersion, Stage
from tests.decisions import eligible
from tests.faults.recorded_history import Call, stored_switches, violations
from tests.versions import NAME, validated

FULL = os.environ.get("GOVERNANCE_FAULTS") == "full"
ROUNDS = 40 if FULL else 2
LONGEST = 1.0  # seconds


@pytest.mark.parametrize("promoters", [8, 32])
def test_each_round_has_one_winner_and_the_rest_are_stale(gov: Governance, promoters: int) -> None:
    told: list[Call] = []
    for number in range(ROUNDS):
        seeds = range(number * promoters, (number + 1) * promoters)
        candidates = [eligible.probed(gov, validated(gov, seed)) for seed in seeds]
        expected = gov.registry.generation(NAME)
        start = Barrier(promoters)

        def promote(
            candidate: ModelVersion, start: Barrier = start, expected: int = expected
        ) -> tuple[str, Call]:
            start.wait(60)
            begin = time.monotonic_ns()
            try:
                done = gov.promotion.promote_to_production(
                    candidate, by="eve", force=True, reason="race", expected_generation=expected
                )
            except StaleGenerationError as stale:
                return f"lost to {stale.version}", Call(
                    begin=begin,
                    end=time.monotonic_ns(),
                    generation=stale.generation,
                    expected=expected,
                )
            return "won", Call(
                begin=begin,
                end=time.monotonic_ns(),
                generation=done.generation,
                decision=done.id,
                version=candidate.id,
                expected=expected,
            )

        with ThreadPoolExecutor(promoters) as pool:
            answers = list(pool.map(promote, candidates))
        live = gov.registry.get_production_model(NAME)
        assert live is not None
        outcomes = Counter(said for said, _ in answers)
        assert outcomes == {"won": 1, f"lost to {live.version}": promoters - 1}
        assert {call.generation for _, call in answers} == {expected + 1}
        told += [call for _, call in answers]
    _reads_as_a_register(gov, ROUNDS)
    assert violations(told, stored_switches(gov, NAME)) == []
    waited = sorted((call.end - call.begin) / 1e9 for call in told)
    print(f"waited {waited[len(waited) // 2]:.3f} s in the median, {waited[-1]:.3f} s at most")
    if FULL:
        assert waited[-1] < LONGEST


def test_promoters_of_one_version_activate_it_once(gov: Governance) -> None:
    version = validated(gov)
    start = Barrier(8)

    def promote(_: int) -> str:
        start.wait(60)
        try:
            gov.promotion.promote_to_production(version, by="eve", force=True, reason="race")
        except ConflictError as error:
            return error.code
        return "won"

    with ThreadPoolExecutor(8) as pool:
        outcomes = Counter(pool.map(promote, range(8)))
    assert outcomes.pop("won") == 1
    assert set(outcomes) <= {"stale_generation", "illegal_transition"}
    _reads_as_a_register(gov, 1)


def test_one_key_from_many_threads_is_one_promotion(gov: Governance) -> None:
    version = validated(gov)
    start = Barrier(8)

    def promote(_: int) -> str | None:
        start.wait(60)
        return gov.promotion.promote_to_production(
            version, by="eve", force=True, reason="race", idempotency_key="dag:run:task"
        ).id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(promote, range(8)))) == 1
    _reads_as_a_register(gov, 1)


def _reads_as_a_register(gov: Governance, generations: int) -> None:
    rows = gov.promotion.history(NAME)
    assert [row["generation"] for row in rows] == list(range(1, generations + 1))
    assert gov.registry.generation(NAME) == generations
    stages = gov.registry.get_model_performance_summary()["by_stage"]
    assert stages[Stage.PRODUCTION] == 1
    assert stages[Stage.RETIRED] == generations - 1
    assert gov.audit.verify()
