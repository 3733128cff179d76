"""`governance promotion|decision|approval`, `policy backtest`: the way of a promotion by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from governance import Governance
from governance.values import ModelVersion
from tests.cli.conftest import Run
from tests.decisions.eligible import policy, probed, staged
from tests.versions import NAME, validated

REF = f"{NAME}:1.0.0"


@pytest.fixture
def gov(home: Path) -> Iterator[Governance]:
    with Governance.open(home=home) as opened:
        yield opened


@pytest.fixture
def version(gov: Governance) -> ModelVersion:
    """In staging; its promotion needs an approval."""
    policy(gov, "require_approval: true")
    return staged(gov)


def test_checked_asked_approved_promoted_shown_replayed(
    run: Run, gov: Governance, version: ModelVersion
) -> None:
    said = run("promotion", "check", REF)
    assert said.code == 4 and "governance approval request momentum:1.0.0" in said.err
    asked = run("approval", "request", REF, "--key", "k", "--by", "eve", "-o", "json")
    assert asked.code == 0 and asked.json["state"] == "pending"
    approval = asked.json["id"]
    assert f"governance approval answer {approval}" in asked.err
    said = run("approval", "answer", approval, "--approve", "--comment", "mine")
    assert said.code == 6 and "ann created the version" in said.err  # the actor of the fixture
    said = run("approval", "answer", approval, "--approve", "--comment", "yes", "--by", "max")
    assert said.code == 0 and f"--approval {approval}" in said.err
    assert approval in run("approval", "list", NAME, "--state", "approved").out
    done = run("promotion", "promote", REF, "--approval", approval, "-o", "json")
    assert done.code == 0 and done.json["approved_by"] == "max" and done.json["generation"] == 1
    link = gov.settings.home / "active" / f"{NAME}_active"
    assert link.resolve() == (gov.settings.home / version.artifact_path).resolve()
    decision = done.json["id"]
    (row,) = run("decision", "list", NAME, "--operation", "promotion", "-o", "json").json["items"]
    assert row["id"] == decision
    shown = run("decision", "show", decision)
    assert shown.code == 0 and "approved by max" in shown.out and "policy_digest" in shown.out
    whole = run("decision", "show", decision, "--facts").json
    assert whole["facts"]["candidate"]["version_id"] == version.id
    again = run("decision", "replay", decision)
    assert again.code == 0 and "1 decision replayed, 0 differ" in again.err
    assert run("decision", "replay", "--all", "-o", "json").json["items"][0]["same"] is True
    assert "comes out the same" in run("decision", "replay", "--all").err
    said = run("promotion", "promote", REF, "--approval", approval)
    assert said.code == 3
    (live,) = run("promotion", "history", NAME, "-o", "json").json["items"]
    assert live["version"] == "1.0.0"


def test_what_may_be_promoted_exits_0_and_names_the_next_step(run: Run, gov: Governance) -> None:
    policy(gov)
    staged(gov)
    said = run("promotion", "check", REF)
    assert said.code == 0 and f"governance promotion promote {REF}" in said.err
    assert run("promotion", "promote", REF).code == 0


def test_asking_less_and_more_on_the_command_line(run: Run, gov: Governance) -> None:
    policy(gov, "required_evidence: [fairness]")
    staged(gov)
    assert run("promotion", "check", REF).code == 4
    said = run("promotion", "check", REF, "--set", "required_evidence=[]")
    assert said.code == 0 and "needs --approved-by and --reason" in said.err
    less = ("promotion", "promote", REF, "--set", "required_evidence=[]")
    said = run(*less)
    assert said.code == 2 and "reason_required" in said.err
    said = run(*less, "--reason", "no groups yet")
    assert said.code == 3 and "approval_required" in said.err
    said = run(*less, "--reason", "no groups yet", "--approved-by", "ann")
    assert said.code == 6
    said = run(*less, "--reason", "no groups yet", "--approved-by", "max")
    assert said.code == 0 and "OVERRIDDEN" in said.err
    assert run("promotion", "check", REF, "--set", "required_evidenc=[]").code == 2


def test_a_refusal_exits_by_its_verdict(run: Run, gov: Governance) -> None:
    policy(gov, "metrics: [{metric: auc, split: registered, min: 0.9}]")
    probed(gov, staged(gov, metrics={"auc": 0.5}))
    said = run("promotion", "promote", REF, "-o", "json")
    assert said.code == 3 and json.loads(said.err)["code"] == "gate_failed"
    (row,) = run("decision", "list", "-o", "json").json["items"]
    assert (row["verdict"], row["generation"]) == ("fail", None)
    validated(gov, 2)
    assert run("promotion", "promote", f"{NAME}:1.0.1").code in (3, 4)


def test_a_rejected_request_promotes_nothing(
    run: Run, gov: Governance, version: ModelVersion
) -> None:
    approval = run("approval", "request", REF, "--key", "k", "-o", "json").json["id"]
    assert run("approval", "answer", approval, "--reject", "--comment", "no").code == 0
    said = run("promotion", "promote", REF, "--approval", approval)
    assert said.code == 3 and "rejected by ann" in said.err
    assert run("approval", "answer", approval, "--reject", "--comment", "other").code == 3
    assert gov.registry.resolve(version).stage == "staging"


@pytest.mark.usefixtures("version")
def test_a_key_stands_for_one_request_and_the_help_says_so(run: Run) -> None:
    request = ("approval", "request", REF, "--by", "eve", "--key", "CHG-1042")
    first = run(*request, "-o", "json").json["id"]
    assert run(*request, "-o", "json").json["id"] == first
    assert run(*request, "--purpose", "force").code == 3
    assert len(run("approval", "list", NAME, "-o", "json").json["items"]) == 1
    told = " ".join(run("approval", "request", "--help").out.split())
    assert "such as a ticket number" in told


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("decision", "show", "nothing"), 1),
        (("decision", "replay", "nothing"), 1),
        (("decision", "replay"), 2),
        (("decision", "replay", "x", "--all"), 2),
        (("decision", "list", "../x"), 2),
        (("decision", "list", "--limit", "0"), 2),
        (("approval", "answer", "nothing", "--approve", "--comment", "x"), 1),
        (("approval", "answer", "nothing", "--comment", "x"), 2),
        (("approval", "answer", "nothing", "--approve", "--reject", "--comment", "x"), 2),
        (("approval", "request", "momentum:9.9.9", "--key", "k"), 1),
        (("approval", "list", "--state", "open"), 2),
        (("promotion", "check", "momentum"), 2),
        (("promotion", "check", "momentum:1.0.0", "--set", "x"), 2),
        (("policy", "backtest", "nothing.yaml"), 2),
    ],
)
def test_exit_codes_of_mistakes(
    run: Run, home: Path, arguments: tuple[str, ...], code: int
) -> None:
    assert run(*arguments).code == code


def test_nothing_was_decided_yet(run: Run, home: Path) -> None:
    assert "nothing was decided yet" in run("decision", "list").err
    assert "nothing was decided yet" in run("decision", "replay", "--all").err
    assert "nobody asked" in run("approval", "list").err


def test_a_policy_is_tried_on_the_past(run: Run, gov: Governance, tmp_path: Path) -> None:
    policy(gov)
    staged(gov)
    assert run("promotion", "promote", REF).code == 0
    proposed = tmp_path / "proposed.yaml"
    proposed.write_text("# the same\n" + gov.settings.policy_path.read_text())
    said = run("policy", "backtest", str(proposed))
    assert said.code == 0 and "1 promotion judged again, 0 would change" in said.err
    proposed.write_text(gov.settings.policy_path.read_text() + "    min_soak_hours: 3\n")
    found = run("policy", "backtest", str(proposed), "-o", "json").json
    assert (found["judged"], len(found["flips"])) == (1, 1)
    assert found["flips"][0]["after"] == "insufficient"
    assert "soak" in run("policy", "backtest", str(proposed)).out
