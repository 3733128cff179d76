"""`governance token`: the secret once on stdout, and what is refused."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from governance import Governance
from governance.access.roles import Role
from tests.cli.conftest import Run, Said

CREATE = ("token", "create", "nightly", "--role", "operator")
SECRET = re.compile(r"gov_[0-9a-f]{12}_[A-Za-z0-9_-]{43}")


def test_the_secret_is_all_that_stdout_has(run: Run, home: Path) -> None:
    said = run(*CREATE, "--models", "momentum*")
    assert said.code == 0 and SECRET.fullmatch(said.out.removesuffix("\n"))
    assert said.out.strip() not in said.err and "'nightly' is operator of 'momentum*'" in said.err
    with Governance.open(home=home) as gov:
        found = gov.access.tokens.authenticate(said.out.strip())
    assert found.role_on("momentum-5") is Role.OPERATOR and not found.sees("pivot")
    again = run("token", "list", "-o", "json")
    assert said.out.strip() not in again.out + again.err + run("token", "list").out
    assert "secret" not in again.out


def test_programs_get_the_secret_beside_the_token(run: Run) -> None:
    made = run(*CREATE, "--by", "max", "--output", "json").json
    assert SECRET.fullmatch(made.pop("secret"))
    (listed,) = run("token", "list", "--output", "json").json["items"]
    assert listed == made
    assert (made["created_by"], made["models"], made["state"]) == ("max", "*", "active")
    lasts = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["created_at"])
    assert lasts == timedelta(days=90)


@pytest.mark.parametrize(
    ("given", "lasts"), [("12h", timedelta(hours=12)), ("2w", timedelta(days=14)), ("never", None)]
)
def test_an_expiry_is_a_duration_or_never(run: Run, given: str, lasts: timedelta | None) -> None:
    said = run(*CREATE, "--expires", given, "-o", "json")
    made = said.json
    if lasts is None:
        assert made["expires_at"] is None and "for ever" in said.err
    else:
        times = [datetime.fromisoformat(made[key]) for key in ("created_at", "expires_at")]
        assert times[1] - times[0] == lasts


def test_a_token_is_taken_back_by_its_id(run: Run, home: Path) -> None:
    made = run(*CREATE, "-o", "json").json
    said = run("token", "revoke", made["id"], "--by", "max", "-o", "json")
    assert said.code == 0
    assert (said.json["state"], said.json["revoked_by"]) == ("revoked", "max")
    (listed,) = run("token", "list", "-o", "json").json["items"]
    assert listed == said.json


def test_a_secret_instead_of_an_id_is_not_repeated(run: Run) -> None:
    secret = run(*CREATE).out.strip()
    said = run("token", "revoke", secret)
    assert said.code == 1 and "not_found" in said.err
    assert secret not in said.err and "token list" in said.err


def test_no_tokens_is_said(run: Run) -> None:
    said = run("token", "list")
    assert (said.code, said.out) == (0, "") and "token create" in said.err


@pytest.mark.parametrize(
    "wrong",
    [
        ("--role", "root"),
        ("--models", "team-?"),
        ("--models", "team-[ab]"),
        ("--models", "a/b"),
        ("--models", ""),
        ("--expires", "soon"),
        ("--expires", "-1d"),
        ("--expires", "0d"),
        ("--expires", "90"),
        ("--expires", "9999999999w"),
        ("--expires", "999999w"),
        ("--by", "a\nb"),
    ],
    ids=range(12),
)
def test_what_cannot_be_a_token_is_a_usage_error(run: Run, wrong: tuple[str, str]) -> None:
    said: Said = run(*CREATE, *wrong)
    assert (said.code, said.out) == (2, "") and "invalid_input" in said.err
    assert run("token", "list", "-o", "json").json["items"] == []


def test_a_name_with_a_control_character_is_refused(run: Run) -> None:
    said = run("token", "create", "a\x1b[2J", "--role", "viewer")
    assert (said.code, said.out) == (2, "") and "\x1b" not in said.err
