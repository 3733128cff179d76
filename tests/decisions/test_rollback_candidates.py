"""Who may take over, from a history of any length, against the whole of it read at once."""

from __future__ import annotations

from itertools import pairwise

import pytest

from governance import Governance
from governance.decisions import rollback_candidates
from governance.decisions.rollback_candidates import candidates
from governance.values import Stage
from tests.decisions.history import promoted
from tests.versions import NAME, champion


def _reference(gov: Governance) -> list[tuple[str, int, str | None]]:
    """By the rules of the module's first lines, over every activation."""
    past = gov.promotion.history(NAME)
    forced = {one["version_id"] for one in past if one["forced"]}
    left = {b["version_id"] for b, after in pairwise(past) if after["operation"] == "rollback"}
    found: dict[str, tuple[str, int, str | None]] = {}
    for one in reversed(past):
        stage = gov.registry.resolve(one["version_id"]).stage
        if one["version_id"] in found or stage is Stage.PRODUCTION:
            continue
        code = "rolled_back" if one["version_id"] in left else None
        code = code or ("forced" if one["version_id"] in forced else None)
        found[one["version_id"]] = one["version_id"], one["generation"], code
    return list(found.values())


@pytest.mark.parametrize("at_once", [1, 3, 10])
def test_candidates_are_those_of_the_whole_history(
    gov: Governance, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(rollback_candidates, "_AT_ONCE", at_once)
    monkeypatch.setattr(rollback_candidates, "_PAST", rollback_candidates._PAST.limit(at_once))
    champion(gov, 9, name="another")
    first, second = promoted(gov, 0), promoted(gov, 1)
    third = champion(gov, 2)
    for to in (second, first, third, second):
        gov.promotion.rollback_model(NAME, to_version=to, by="eve", reason="a look at each")
    fourth, fifth = promoted(gov, 3), promoted(gov, 4)
    urgent = promoted(gov, 5, forced=True)
    promoted(gov, 6)
    with gov.database.read() as connection:
        found = [(one.version_id, one.generation, one.code) for one in candidates(connection, NAME)]
    assert found == _reference(gov)
    codes = {version: code for version, _, code in found}
    assert codes == {
        urgent.id: "forced",
        fifth.id: None,
        fourth.id: None,
        second.id: "rolled_back",
        first.id: "rolled_back",
        third.id: "rolled_back",
    }
