"""Decisions as they are read back, whole and for lists."""

from __future__ import annotations

from dataclasses import replace

from governance import Governance
from governance.decisions.decision_queries import list_decisions
from tests.versions import champion


def test_a_list_without_what_was_frozen_shows_the_same(gov: Governance) -> None:
    champion(gov)
    with gov.database.read() as connection:
        whole = list_decisions(connection)
        light = list_decisions(connection, frozen=False)
    assert whole and all(one.facts and one.policy for one in whole)
    assert light == [replace(one, facts={}, policy={}) for one in whole]
    assert [one.as_json() for one in light] == [one.as_json() for one in whole]
