"""The management API, attacked from its own document by every role (`tests/schema_attack.py`)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from schemathesis.schemas import BaseSchema

from governance import Governance
from governance.api import create_app
from governance.settings import Settings
from tests.api.world import World, build
from tests.model_bytes import model_bytes
from tests.schema_attack import CALLERS, FULL, Attack, Wrong, headers_of, schema_of

EXAMPLES = 60 if FULL else 6

REJECTED = "RejectedPositiveData"
WRONG: tuple[Wrong, ...] = (
    Wrong(
        REJECTED,
        "GET .*",
        "cursor",
        "a cursor is a text that a page gave; no schema says which one",
    ),
    Wrong(
        REJECTED,
        r"POST .*/models/\{model\}/versions",
        r"several files are named model\.\*",
        "a schema of a form says nothing of the names that its files have",
    ),
    Wrong(
        REJECTED,
        r"POST .*/models/\{model\}/versions",
        "^(registration|the body is no JSON)",
        "a text that is a `Registration` as JSON; a schema of a form cannot ask for that",
    ),
    Wrong(
        REJECTED,
        r"POST .*/registrations",
        "there is no root|a reference (is|names) a",
        "roots and files are the installation's",
    ),
    Wrong(
        REJECTED,
        r"POST .*/registrations",
        "a draft has no artifact|give model or model_path",
        "what one field asks of another is said in words",
    ),
    Wrong(
        REJECTED,
        "POST .*",
        "^header.If-Match",
        "the quotes of an entity tag, which the pattern asks for, are lost on the tool's way",
    ),
    Wrong(
        REJECTED,
        "POST .*",
        "lies in the future|which is past|is not after|is before",
        "a schema has no bound for a date-time, and this one is the clock's",
    ),
    Wrong(
        REJECTED,
        "POST .*/policy/(check|backtest)",
        r"^the policy:\d",
        "a policy file as a text; a schema of a text cannot ask for that",
    ),
    Wrong(
        REJECTED,
        "POST .*",
        "^request: ",
        "the keys of a policy stand in its own reference, some with values of their own shapes",
    ),
    Wrong(
        REJECTED,
        "POST .*/shadow/sessions",
        "a session without any figure",
        "figures may be null, and not all of them",
    ),
    Wrong(
        REJECTED,
        "(GET|POST) .*",
        "a NUL or half a character",
        "true of every text of every body, and of keys",
    ),
    Wrong(
        REJECTED,
        "POST .*",
        "visible characters|a comment is needed",
        "blanks and invisible characters are characters for a schema, and no reason for a reader",
    ),
)


@pytest.fixture(scope="module")
def gov(
    tmp_path_factory: pytest.TempPathFactory, _migrated_sqlite_file: Path
) -> Iterator[Governance]:
    """A home of this module's own: what one request changed, the next one meets."""
    folder = tmp_path_factory.mktemp("attacked")
    shutil.copy(_migrated_sqlite_file, folder / "governance.db")
    artifact = folder / "exports" / "momentum" / "2013-02-01" / "model.txt"
    artifact.parent.mkdir(parents=True)
    artifact.write_bytes(model_bytes(77))
    settings = Settings.load(
        home=folder / "home",
        database_url=f"sqlite:///{folder / 'governance.db'}",
        config=folder / "governance.yaml",
        policy=folder / "promotion_policy.yaml",
    ).model_copy(
        update={
            "api_requests_per_second": 0.0,
            "api_artifact_roots": f"exports={folder / 'exports'}",
        }
    )
    (folder / "governance.yaml").write_text("models: {}\n")
    with Governance.open(settings=settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def world(gov: Governance) -> World:
    return build(gov)


@pytest.fixture(scope="module")
def app(gov: Governance, world: World) -> Iterator[FastAPI]:
    made = create_app(gov)
    yield made
    made.state.jobs.close()


@pytest.fixture(scope="module")
def document(gov: Governance, app: FastAPI, world: World) -> BaseSchema:
    ids: dict[str, list[str | int]] = {name: [value] for name, value in world.ids.items()}
    ids["alert_id"] = [int(world.ids["alert_id"])]
    return schema_of(app, headers_of(gov, "admin"), ids, examples=EXAMPLES)


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
