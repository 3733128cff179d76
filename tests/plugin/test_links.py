"""A link of a task is where Airflow looks for it before the task's end is reported, and stays."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.execution_time.xcom import XCom

from governance_airflow.pages import (
    AlertsLink,
    DecisionLink,
    DriftLink,
    ModelLink,
    PageLink,
    TrialLink,
    VersionLink,
    decision_page,
    leave,
    path_of,
    shown_at,
)

LINKS = (ModelLink(), VersionLink(), TrialLink(), DecisionLink(), DriftLink(), AlertsLink())


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What Airflow keeps of one task, by key."""
    kept: dict[str, Any] = {}
    monkeypatch.setattr(XCom, "get_value", lambda *, ti_key, key: kept.get(key))
    return kept


@pytest.fixture
def context(kept: dict[str, Any]) -> dict[str, Any]:
    return {"ti": SimpleNamespace(xcom_push=lambda key, value: kept.update({key: value}))}


def after(kept: dict[str, Any], *links: PageLink) -> dict[str, Any]:
    """What is kept once Airflow has asked the links, as it does after the task's end."""
    for link in links:
        kept[link.xcom_key] = link.get_link(None, ti_key=None)  # type: ignore[arg-type]
    return kept


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.name)
def test_what_a_task_leaves_is_its_link_at_once_and_after_its_end(
    link: PageLink, kept: dict[str, Any], context: dict[str, Any]
) -> None:
    path = path_of("models", "a/b", link.name)
    leave(context, **{link.name.lower(): path})
    assert kept == {link.xcom_key: shown_at(path)}
    assert after(dict(kept), link) == kept


def test_a_later_page_is_added_and_what_was_not_left_is_no_link(
    kept: dict[str, Any], context: dict[str, Any]
) -> None:
    leave(context, version="models/tiny/versions/1.0.0")
    leave(context, decision=decision_page("d1"))
    version, decision, model = VersionLink(), DecisionLink(), ModelLink()
    assert after(kept, version, decision, model) == {
        version.xcom_key: shown_at("models/tiny/versions/1.0.0"),
        decision.xcom_key: shown_at("decisions/d1"),
        model.xcom_key: "",
    }
