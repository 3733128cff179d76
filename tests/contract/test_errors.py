"""Every error: a stable code of its own, an HTTP status, an exit code that the design knows."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import pytest

from governance import errors
from governance.errors import GovernanceError

# Codes are a contract: this list grows, and nothing in it changes.
CONTRACT = {
    "dataset_mismatch": (409, 3),
    "illegal_transition": (409, 3),
    "stale_generation": (409, 3),
    "version_exists": (409, 3),
    "nothing_to_roll_back": (409, 3),
    "metric_conflict": (409, 3),
    "gate_failed": (409, 3),
    "insufficient_evidence": (409, 4),
    "artifact_integrity": (409, 5),
    "artifact_unloadable": (422, 5),
    "unsafe_format": (422, 5),
    "audit_chain": (409, 5),
    "forbidden": (403, 6),
    "database_unavailable": (503, 7),
    "schema_outdated": (503, 7),
    "storage_full": (507, 7),
    "invalid_name": (422, 2),
    "config_invalid": (422, 2),
    "not_found": (404, 1),
}


def _all(kind: type[GovernanceError] = GovernanceError) -> Iterator[type[GovernanceError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _all(child)


EVERY = list(dict.fromkeys(_all()))


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_an_error_has_a_name_a_code_a_status_and_an_exit_code(kind: type[GovernanceError]) -> None:
    assert kind.__name__.endswith("Error")
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.code)
    assert kind.status in (401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 507)
    assert kind.exit_code in range(1, 8)


def test_no_two_errors_share_a_code() -> None:
    codes = [kind.code for kind in EVERY]
    assert sorted(codes) == sorted(set(codes))


def test_the_contract_of_codes_is_kept() -> None:
    found = {kind.code: (kind.status, kind.exit_code) for kind in EVERY}
    assert {code: found.get(code) for code in CONTRACT} == CONTRACT


def test_all_errors_live_in_one_module() -> None:
    defined = {
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, GovernanceError)
    }
    assert {kind for kind in EVERY if kind.__module__.startswith("governance.")} <= defined


def test_every_error_says_in_one_place_when_it_is_raised() -> None:
    silent = {kind.__name__ for kind in _all() if not vars(kind).get("__doc__")}
    assert not silent
