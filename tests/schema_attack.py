"""Schemathesis on an API of ours: requests made from its OpenAPI document, answers held against it.

`make test` sends a few per operation and role, seeded; `make faults` (GOVERNANCE_FAULTS=full) walks
every boundary of every schema as well. A finding that is the tool's mistake stands by operation in
a list of `Wrong`, with the reason; every other one fails. In the long run each of these entries
must have been needed, so that none outlives its cause.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import schemathesis
from fastapi import FastAPI
from schemathesis import Case
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.pytest.lazy import get_all_tests
from schemathesis.schemas import BaseSchema
from starlette.types import ASGIApp, Receive, Scope, Send

from governance import Governance

FULL = os.environ.get("GOVERNANCE_FAULTS") == "full"
SEED = 20130208
DOCUMENT = "/api/v1/openapi.json"

# Role and pattern of each caller; `None` sends no token.
CALLERS: Mapping[str, tuple[str, str] | None] = {
    "anonymous": None,
    "viewer": ("viewer", "momentum*"),
    "operator": ("operator", "momentum*"),
    "approver": ("approver", "momentum*"),
    "admin": ("admin", "*"),
    "wrong_team": ("admin", "other-team-*"),
}


@dataclass(frozen=True)
class Wrong:
    """A finding in which the tool is wrong.

    Attributes:
        finding: the name of its class.
        operation: a pattern of `METHOD /path`.
        says: a pattern found in the answer's detail.
        why: why the answer is right.
    """

    finding: str
    operation: str
    says: str
    why: str

    def explains(self, case: Case[Any], answer: Mapping[str, Any], finding: BaseException) -> bool:
        return (
            type(finding).__name__ == self.finding
            and re.fullmatch(self.operation, case.operation.label) is not None
            and re.search(self.says, str(answer.get("detail", "")), re.DOTALL) is not None
        )


@dataclass
class Attack:
    """One caller's requests, judged."""

    headers: dict[str, str]
    wrong: Sequence[Wrong]
    needed: set[Wrong] = field(default_factory=set)
    sent: int = 0

    def everywhere(self, schema: BaseSchema) -> None:
        """Every operation; what is wrong with one does not hide what is wrong with the next."""

        def test(case: Case[Any]) -> None:
            self(case)

        found = []
        tests = get_all_tests(schema=schema, test_func=test, settings=None, given_kwargs={})
        for one in tests:
            assert isinstance(one, Ok), one
            operation, run = one.ok()
            try:
                run()
            except (Exception, BaseExceptionGroup) as error:
                error.add_note(operation.label)
                found.append(error)
        if found:
            raise BaseExceptionGroup(f"{len(found)} operations", found)

    def __call__(self, case: Case[Any]) -> None:
        answer = case.call(headers=self.headers)
        self.sent += 1
        try:
            case.validate_response(answer, headers=self.headers)
        except BaseExceptionGroup as group:
            said = _said(answer)
            for finding in group.exceptions:
                explained = [one for one in self.wrong if one.explains(case, said, finding)]
                if not explained:
                    raise
                self.needed.update(explained)


def _said(answer: Any) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def headers_of(gov: Governance, caller: str) -> dict[str, str]:
    """With a token of the caller's role, made here."""
    given = CALLERS[caller]
    if given is None:
        return {}
    secret, _ = gov.access.tokens.create(
        caller, role=given[0], models=given[1], expires_in=timedelta(hours=2), by="root"
    )
    return {"Authorization": f"Bearer {secret}"}


def schema_of(
    app: FastAPI,
    headers: Mapping[str, str],
    ids: Mapping[str, Sequence[str | int]],
    *,
    examples: int,
) -> BaseSchema:
    """The document of ``app``, read from it with ``headers``.

    Args:
        ids: values of path parameters that exist; they are drawn beside random ones.
        examples: random requests for each operation.
    """
    config = SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "dictionaries": {name: {"values": list(found)} for name, found in ids.items()},
            "parameters": {
                f"path.{name}": {"dictionary": name, "probability": 0.7} for name in ids
            },
            # What stands in the code is drawn as well otherwise, and changes with it.
            "analysis": {"constants": {"enabled": False}},
            "generation": {
                "max-examples": examples,
                "deterministic": True,
                "with-security-parameters": False,
                "no-shrink": not FULL,
            },
            "phases": {
                "examples": {"enabled": True},
                "coverage": {"enabled": FULL},
                "stateful": {"enabled": False},
            },
            "checks": {
                # Roles are ours to test (test_every_route, test_rights): a token that is there
                # and one that is not are two callers here.
                "ignored_auth": {"enabled": False},
                "use_after_free": {"enabled": False},
                "ensure_resource_availability": {"enabled": False},
                "negative_data_rejection": {
                    "expected-statuses": [400, 401, 403, 404, 405, 409, 413, 415, 422]
                },
                "positive_data_acceptance": {"expected-statuses": ["2xx", 401, 403, 404, 409]},
            },
        }
    )
    return schemathesis.openapi.from_asgi(
        DOCUMENT, _without_lifespan(app), headers=dict(headers), config=config
    )


def _without_lifespan(app: FastAPI) -> ASGIApp:
    """The tool would start and stop the application with requests still to come."""

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError("requests alone")
        await app(scope, receive, send)

    return answered
