"""The serving API, attacked from its own document by every role (`tests/schema_attack.py`)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from schemathesis.schemas import BaseSchema

from governance import Governance
from governance.serving import ServingLimits, create_app
from governance.settings import Settings
from tests.schema_attack import CALLERS, FULL, Attack, Wrong, headers_of, schema_of
from tests.serving.conftest import in_production
from tests.versions import NAME

EXAMPLES = 150 if FULL else 20

REJECTED = "RejectedPositiveData"
PREDICT = r"POST .*/predict"
WRONG: tuple[Wrong, ...] = (
    Wrong(
        REJECTED,
        "GET .*/versions",
        "the cursor is not one",
        "a cursor is a text that a page gave; no schema says which one",
    ),
    Wrong(
        REJECTED,
        PREDICT,
        r"values for \d+ columns|the rows have other columns|row \d+",
        "the columns and their kinds are the model's; the document is the same for all models",
    ),
    Wrong(
        REJECTED,
        PREDICT,
        "times of rows begin in 1970",
        "JSON Schema has no bound for a date-time",
    ),
)


@pytest.fixture(scope="module")
def gov(
    tmp_path_factory: pytest.TempPathFactory, _migrated_sqlite_file: Path
) -> Iterator[Governance]:
    """A home of this module's own."""
    folder = tmp_path_factory.mktemp("attacked")
    shutil.copy(_migrated_sqlite_file, folder / "governance.db")
    settings = Settings.load(
        home=folder / "home", database_url=f"sqlite:///{folder / 'governance.db'}"
    )
    with Governance.open(settings=settings) as opened:
        in_production(opened)
        yield opened


@pytest.fixture(scope="module")
def app(gov: Governance) -> Iterator[FastAPI]:
    made = create_app(gov, log_interval=60.0, limits=ServingLimits(body_seconds=5.0))
    yield made
    made.state.desk.stop()


@pytest.fixture(scope="module")
def document(gov: Governance, app: FastAPI) -> BaseSchema:
    return schema_of(app, headers_of(gov, "admin"), {"model": [NAME]}, examples=EXAMPLES)


NEEDED: dict[str, set[Wrong]] = {}


@pytest.mark.parametrize("caller", CALLERS)
def test_every_answer_is_documented(gov: Governance, document: BaseSchema, caller: str) -> None:
    attack = Attack(headers_of(gov, caller), WRONG)
    attack.everywhere(document)
    assert attack.sent > 30
    NEEDED[caller] = attack.needed


@pytest.mark.skipif(not FULL, reason="a sample does not meet everything; `make faults` does")
def test_no_excuse_outlives_its_cause() -> None:
    assert set(NEEDED) == set(CALLERS)
    assert set().union(*NEEDED.values()) == set(WRONG)
