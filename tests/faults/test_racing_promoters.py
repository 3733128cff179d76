"""F5: many promoters who saw the same generation; exactly one wins each round.

`make test` runs a sample, GOVERNANCE_FAULTS=full 40 rounds. A loser hears `StaleGenerationError`
with where the model stands now. Afterwards the activations read as a compare-and-set register:
each generation once, each from the one before.
"""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from governance import Governance
from governance.errors import ConflictError, StaleGenerationError
from governance.values import ModelVersion, Stage
from tests.versions import NAME, validated

ROUNDS = 40 if os.environ.get("GOVERNANCE_FAULTS") == "full" else 3


@pytest.mark.parametrize("promoters", [8, 32])
def test_each_round_has_one_winner_and_the_rest_are_stale(gov: Governance, promoters: int) -> None:
    for number in range(ROUNDS):
        candidates = [validated(gov, number * promoters + i) for i in range(promoters)]
        expected = gov.registry.generation(NAME)
        start = Barrier(promoters)

        def promote(
            candidate: ModelVersion, start: Barrier = start, expected: int = expected
        ) -> str:
            start.wait(60)
            try:
                gov.promotion.promote_to_production(
                    candidate, by="eve", force=True, reason="race", expected_generation=expected
                )
            except StaleGenerationError as stale:
                assert stale.generation == expected + 1
                return f"lost to {stale.version}"
            return "won"

        with ThreadPoolExecutor(promoters) as pool:
            outcomes = Counter(pool.map(promote, candidates))
        live = gov.registry.get_production_model(NAME)
        assert live is not None
        assert outcomes == {"won": 1, f"lost to {live.version}": promoters - 1}
    _reads_as_a_register(gov, ROUNDS)


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
