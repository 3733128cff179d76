"""People who come through Airflow: what governance.yaml grants them, or what Airflow says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from governance import Governance
from governance.access.people import identity_of_person
from governance.access.roles import Grant, Role
from governance.config.access import AccessGrant, AccessSettings
from governance.config.governance_file import GovernanceConfig, parse_config
from governance.errors import ConfigError, UnauthenticatedError, UnavailableError

SHIPPED = Path(__file__).parents[2] / "config" / "governance.yaml"

GRANTS = AccessSettings(
    grants=(
        AccessGrant(user="ann", role="approver", models="momentum*"),
        AccessGrant(user="ann", role="viewer"),
    )
)


def test_whoever_is_not_named_has_what_airflow_says() -> None:
    config = GovernanceConfig(access=GRANTS)
    assert identity_of_person(config, "max", Role.ADMIN).grants == (Grant(Role.ADMIN),)
    assert identity_of_person(config, "max").grants == ()


def test_whoever_is_named_has_these_grants_and_nothing_of_airflow() -> None:
    ann = identity_of_person(GovernanceConfig(access=GRANTS), "ann", Role.ADMIN)
    assert ann.role_on("momentum-5") is Role.APPROVER
    assert ann.role_on("pivot") is Role.VIEWER
    assert ann.everywhere() is Role.VIEWER
    assert (ann.name, ann.kind, ann.token_id) == ("ann", "airflow", None)


@pytest.mark.parametrize("name", ["Ann", "ann ", "\uff41nn", "an"])
def test_a_name_that_looks_alike_has_no_grant(name: str) -> None:
    config = GovernanceConfig(access=GRANTS.model_copy(update={"others": "nothing"}))
    assert identity_of_person(config, name, Role.ADMIN).grants == ()


def test_where_others_have_nothing_airflow_s_role_does_not_count() -> None:
    config = parse_config(b"access: {others: nothing}")
    assert identity_of_person(config, "max", Role.ADMIN).grants == ()


def test_an_owner_is_operator_of_the_own_model() -> None:
    config = parse_config(SHIPPED.read_bytes())
    owners = {declared.owner for declared in config.models.values()}
    assert owners
    for owner in owners:
        own = {name for name, declared in config.models.items() if declared.owner == owner}
        found = identity_of_person(config, owner)
        assert {grant.models for grant in found.grants} == own
        assert all(found.role_on(name) is Role.OPERATOR for name in own)
        assert not found.sees("somebody-elses")
        assert identity_of_person(config, owner, Role.ADMIN).role_on("somebody-elses") is Role.ADMIN


@pytest.mark.parametrize(
    "name", ["", "  ", "ann\n", "a\x00b", "x" * 256, "ann\u202egro", None], ids=range(7)
)
def test_a_name_that_no_record_can_hold_is_nobody(name: str) -> None:
    with pytest.raises(UnauthenticatedError, match="cannot stand in a record"):
        identity_of_person(GovernanceConfig(), name, Role.ADMIN)


def test_a_changed_file_counts_at_once_and_a_broken_one_lets_nobody_in(
    sqlite_gov: Governance,
) -> None:
    file = sqlite_gov.settings.config_path
    file.parent.mkdir(parents=True, exist_ok=True)
    moment = iter(range(1, 10))

    def write(text: str) -> None:
        file.write_text(text)
        os.utime(file, ns=(next(moment), 0))

    assert sqlite_gov.access.identity_of_person("ann", Role.ADMIN).everywhere() is Role.ADMIN
    write("access: {grants: [{user: ann, role: viewer}]}")
    assert sqlite_gov.access.identity_of_person("ann", Role.ADMIN).everywhere() is Role.VIEWER
    write("access: {grants: [{user: ann, role: root}]}")
    with pytest.raises(UnavailableError, match="who may do what"):
        sqlite_gov.access.identity_of_person("ann", Role.ADMIN)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("grants: [{user: ann, role: owner}]", "viewer"),
        ("grants: [{user: ann, role: viewer, models: 'a?'}]", "no pattern of model names"),
        ("grants: [{user: ann, role: viewer, models: '../a'}]", "no pattern of model names"),
        ("grants: [{user: ann, role: viewer, model: 'a*'}]", "did you mean 'models'"),
        ("grants: [{user: '', role: viewer}]", "name of people"),
        ('grants: [{user: "a\\nb", role: viewer}]', "name of people"),
        ("grants: [{role: viewer}]", "user is missing"),
        ("others: everything", "nothing"),
    ],
    ids=range(8),
)
def test_a_mistake_is_named_with_its_place(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as refused:
        parse_config(f"access: {{{text}}}".encode())
    assert "governance.yaml:1:" in refused.value.message
