"""Who was live when, against a plain list; the compare-and-set of the generation."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert

from governance.errors import NaiveDatetimeError, NotFoundError, StaleGenerationError
from governance.history.activations import (
    activate,
    activation_at,
    generation,
    list_activations,
    live_version_id,
)
from governance.store.database import Database
from governance.store.schema import governed_models

START = datetime(2013, 1, 1, tzinfo=UTC)


def declare(database: Database, name: str) -> None:
    with database.begin() as tx:
        tx.execute(insert(governed_models).values(name=name, created_at=START))


def go_live(
    tx: Connection, version: str | None, expected: int, at: datetime | None, model: str = "m"
) -> int:
    return activate(
        tx,
        model=model,
        version_id=version,
        decision_id=None,
        operation="promotion",
        forced=False,
        effective_at=at,
        expected_generation=expected,
    )


def test_nothing_is_live_before_the_first_activation(database: Database) -> None:
    declare(database, "m")
    with database.begin() as tx:
        assert (generation(tx, "m"), live_version_id(tx, "m")) == (0, None)
        go_live(tx, "a", 0, START)
        assert generation(tx, "m") == 1
    with database.read() as connection:
        assert live_version_id(connection, "m", START - timedelta(microseconds=1)) is None
        assert live_version_id(connection, "m", START) == "a"
        assert activation_at(connection, "other") is None


@settings(max_examples=25)
@given(
    history=st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(["a", "b", "c", None])), max_size=8
    )
)
def test_live_at_t_is_the_highest_generation_effective_by_then(
    sqlite_database: Database, history: list[tuple[int, str | None]]
) -> None:
    """Also when an activation is back-dated before an earlier one."""
    model = f"m{datetime.now(UTC).timestamp()}"
    declare(sqlite_database, model)
    with sqlite_database.begin() as tx:
        for number, (day, version) in enumerate(history):
            assert go_live(tx, version, number, START + timedelta(days=day), model) == number + 1
    with sqlite_database.read() as connection:
        for at in range(-1, 10):
            expected = [version for day, version in history if day <= at]
            found = live_version_id(connection, model, START + timedelta(days=at))
            assert found == (expected[-1] if expected else None)
        assert live_version_id(connection, model) == (history[-1][1] if history else None)
        listed = list_activations(connection, model)
        assert [item.version_id for item in listed] == [version for _, version in history]
        assert [item.generation for item in listed] == list(range(1, len(history) + 1))


def test_without_a_time_an_activation_is_effective_at_database_time(database: Database) -> None:
    declare(database, "m")
    with database.begin() as tx:
        go_live(tx, "a", 0, None)
    with database.read() as connection:
        only = list_activations(connection, "m")[0]
    assert only.effective_at == only.recorded_at
    assert abs(only.recorded_at - datetime.now(UTC)) < timedelta(seconds=30)


def test_a_stale_generation_is_refused_with_where_the_model_stands(database: Database) -> None:
    declare(database, "m")
    with database.begin() as tx:
        go_live(tx, "a", 0, START)
    for expected in (0, 2, -1):
        with pytest.raises(StaleGenerationError) as stale, database.begin() as tx:
            go_live(tx, "b", expected, START)
        assert (stale.value.generation, stale.value.version) == (1, "a")
    with database.read() as connection:
        assert len(list_activations(connection, "m")) == 1


def test_of_racing_activations_exactly_one_wins_each_round(database: Database) -> None:
    declare(database, "m")
    won: list[str] = []
    lost: list[StaleGenerationError] = []
    failures: list[BaseException] = []

    def promote(version: str, expected: int, barrier: threading.Barrier) -> None:
        try:
            barrier.wait()
            with database.begin() as tx:
                go_live(tx, version, expected, START)
            won.append(version)
        except StaleGenerationError as error:
            lost.append(error)
        except BaseException as error:
            failures.append(error)

    for round_number in range(5):
        barrier = threading.Barrier(6)
        threads = [
            threading.Thread(target=promote, args=(f"v{n}", round_number, barrier))
            for n in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == round_number + 1
    assert failures == []
    assert len(lost) == 25
    with database.read() as connection:
        assert [item.version_id for item in list_activations(connection, "m")] == won


def test_an_unknown_model_and_a_naive_time_are_refused(database: Database) -> None:
    with pytest.raises(NotFoundError), database.begin() as tx:
        go_live(tx, "a", 0, START)
    declare(database, "m")
    with pytest.raises(NaiveDatetimeError), database.begin() as tx:
        go_live(tx, "a", 0, datetime(2013, 1, 1))
    with database.read() as connection:
        assert generation(connection, "m") == 0
