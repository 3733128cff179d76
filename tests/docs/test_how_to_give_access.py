"""docs/how-to/give-access.md: its commands typed, its configuration read, its words checked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from governance import Governance
from governance.access.denials import PER_IDENTITY, TOGETHER
from governance.access.roles import Role
from governance.config import parse_config
from governance.errors import UnauthenticatedError
from tests.docs.pages import ROOT, blocks_of, commands_of
from tests.docs.reader import Reader

PAGE = "how-to/give-access.md"


def test_the_page_makes_a_token_and_takes_it_back(tmp_path: Path) -> None:
    commands = [line for line in commands_of(PAGE) if line.startswith("governance ")]
    make, listing, revoke, audit = commands
    (shown,) = re.findall(r"\b[0-9a-f]{12}\b", revoke)
    home = tmp_path / "home"
    (created,) = Reader(tmp_path).succeeds([make])
    (secret,) = re.findall(r"gov_\S{56}", created)
    token_id = secret[4:16]
    with Governance.open(home=home) as gov:
        nightly = gov.access.tokens.authenticate(secret)
        assert nightly.name == "nightly-scorer"
        assert nightly.role_on("momentum") is Role.OPERATOR and not nightly.sees("pivot")
        gov.access.denied(nightly, "models.read", "pivot", reason="it takes viewer there")
    listed, revoked, refused = Reader(tmp_path).succeeds(
        [listing, revoke.replace(shown, token_id), audit]
    )
    assert token_id in listed and "active" in listed and secret not in listed
    assert "revoked" in revoked
    assert "access.denied" in refused and "pivot" in refused
    with Governance.open(home=home) as gov, pytest.raises(UnauthenticatedError):
        gov.access.tokens.authenticate(secret)


def test_the_configuration_of_the_page_gives_what_it_says(tmp_path: Path) -> None:
    (body,) = blocks_of(PAGE, "yaml")
    assert len(parse_config(body.encode()).access.grants) == 3
    with Governance.open(home=tmp_path / "home") as gov:
        gov.settings.config_path.parent.mkdir(parents=True, exist_ok=True)
        gov.settings.config_path.write_text(body)
        of = gov.access.identity_of_person
        assert of("ann", Role.ADMIN).role_on("momentum-1") is Role.APPROVER
        assert of("ann", Role.ADMIN).role_on("pivot") is Role.VIEWER
        assert of("max").role_on("team-a-x") is Role.OPERATOR
        assert not of("max").sees("team-b-x")
        assert of("eve", Role.ADMIN).grants == ()


def test_the_words_of_the_page_are_those_of_the_product() -> None:
    page = (ROOT / "docs" / PAGE).read_text(encoding="utf-8")
    errors = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    assert "`unauthenticated`" in page and "`unauthenticated`" in errors
    assert ", ".join(Role) in page
    assert f"{PER_IDENTITY} entries a minute and all together {TOGETHER}" in page
