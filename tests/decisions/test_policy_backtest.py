"""A proposed policy file tried on the past: what flips, and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from governance import Governance
from governance.decisions.record import Decision
from governance.errors import ConfigError, GateFailedError, InvalidInputError
from governance.values import Verdict
from tests.decisions.eligible import policy, promoted, staged
from tests.decisions.test_replay import _first_release
from tests.versions import NAME, champion, head


def _refused(gov: Governance, seed: int, **given: Any) -> Decision:
    with pytest.raises(GateFailedError) as refusal:
        gov.promotion.promote_to_production(staged(gov, seed), by="eve", **given)
    found = refusal.value.decision
    assert isinstance(found, Decision)
    return found


def _past(gov: Governance) -> None:
    """Two by their gates, one refused for a session, one forced over the same."""
    policy(gov)
    promoted(gov, 1)
    promoted(gov, 2)
    _refused(gov, 3, overrides={"min_shadow_sessions": 1})
    policy(gov, "required_evidence: [fairness]")
    _refused(gov, 4)
    champion(gov, 5)


@pytest.fixture
def proposed(tmp_path: Path) -> Path:
    return tmp_path / "proposed.yaml"


def test_a_comment_flips_nothing(gov: Governance, proposed: Path) -> None:
    policy(gov)
    promoted(gov, 1)
    _refused(gov, 2, overrides={"min_shadow_sessions": 1})
    path = gov.settings.policy_path
    proposed.write_text("# reviewed by the board\n" + path.read_text() + "\n# end\n")
    before = head(gov)
    found = gov.promotion.backtest_policy(proposed)
    assert (found.judged, found.flips, found.changed) == (2, (), 0)
    assert found.not_replayable == {}
    assert head(gov) == before
    assert gov.promotion.backtest_policy(path).flips == ()


def test_flips_name_the_gates_that_made_them(gov: Governance, proposed: Path) -> None:
    _past(gov)
    proposed.write_text(
        gov.settings.policy_path.read_text().replace("[fairness]", "[]") + "    min_soak_hours: 2\n"
    )
    found = gov.promotion.backtest_policy(proposed)
    assert found.judged == 5
    assert [(flip.before, flip.after) for flip in found.flips] == [
        (Verdict.PASS, Verdict.INSUFFICIENT),
        (Verdict.PASS, Verdict.INSUFFICIENT),
    ]
    for flip in found.flips:
        (reason,) = flip.reasons
        assert reason.startswith("soak: no trial is running")
        assert "threshold 2" in reason
    proposed.write_text(gov.settings.policy_path.read_text().replace("[fairness]", "[]"))
    (flip,) = gov.promotion.backtest_policy(proposed).flips
    assert (flip.before, flip.after) == (Verdict.INSUFFICIENT, Verdict.PASS)
    assert flip.reasons[0].startswith("evidence.fairness")
    assert flip.as_json()["version"] == flip.decision.version


def test_a_request_of_then_is_laid_over_the_proposed_file(
    sqlite_gov: Governance, proposed: Path
) -> None:
    policy(sqlite_gov)
    refused = _refused(sqlite_gov, 1, overrides={"min_shadow_sessions": 1})
    proposed.write_text("mode: enforce\n")  # asks five, the request asked one
    policy(sqlite_gov)
    found = sqlite_gov.promotion.backtest_policy(sqlite_gov.settings.policy_path)
    assert found.flips == () and found.changed == 0
    assert refused.policy["request"] == {"min_shadow_sessions": 1}


def test_the_environment_of_then_counts_and_not_that_of_now(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy(sqlite_gov)
    monkeypatch.setenv("MODEL_GOV_REQUIRED_TARGETS", "reject")
    empty: dict[str, Any] = {key: {} for key in ("members", "thresholds", "mfe_bps", "mae_bps")}
    bundle = {"targets": ["break"], "horizons": [5], **empty}
    version = staged(sqlite_gov, 1, provenance={"bundle": bundle})
    with pytest.raises(GateFailedError) as refusal:
        sqlite_gov.promotion.promote_to_production(version, by="eve")
    refused = refusal.value.decision
    assert isinstance(refused, Decision)
    promoted(sqlite_gov, 2)  # no bundle: document 004's variables are not about it
    monkeypatch.delenv("MODEL_GOV_REQUIRED_TARGETS")
    assert refused.policy["environment"] == {"required_targets": ["reject"]}
    assert sqlite_gov.promotion.backtest_policy(sqlite_gov.settings.policy_path).flips == ()


def test_observation_of_everything_lets_all_but_the_unmovable_pass(
    sqlite_gov: Governance, proposed: Path
) -> None:
    _past(sqlite_gov)
    proposed.write_text("mode: observe\n")
    found = sqlite_gov.promotion.backtest_policy(proposed)
    flipped = {flip.decision.version for flip in found.flips}
    assert flipped == {"1.0.2", "1.0.3"}  # the forced one was never in staging


def test_a_model_of_its_own_is_judged_by_its_own_part(
    sqlite_gov: Governance, proposed: Path
) -> None:
    policy(sqlite_gov)
    promoted(sqlite_gov, 1)
    promoted(sqlite_gov, 2, name="other")
    text = sqlite_gov.settings.policy_path.read_text()
    proposed.write_text(text + "models:\n  other:\n    promotion: {min_soak_hours: 1}\n")
    (flip,) = sqlite_gov.promotion.backtest_policy(proposed).flips
    assert flip.decision.model == "other"


def test_what_the_first_release_decided_is_named(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy(sqlite_gov)
    promoted(sqlite_gov, 1)
    champion(sqlite_gov, 2)
    forced, by_gates = sqlite_gov.promotion.decisions(NAME)
    old = _first_release(forced)
    monkeypatch.setattr(
        "governance.decisions.promotion.every_decision",
        lambda connection, **_: [
            old,
            by_gates,
            replace(by_gates, id="x", facts={"at": "never"}),
        ],
    )
    found = sqlite_gov.promotion.backtest_policy(sqlite_gov.settings.policy_path)
    assert found.judged == 1
    assert set(found.not_replayable) == {old.id, "x"}
    assert "first release" in found.not_replayable[old.id or ""]


@pytest.mark.parametrize(
    "text", ["null", "defaults: [", "mode: maybe\n", "defaults: {promotion: {min_sharp: 1}}\n"]
)
def test_a_file_that_cannot_be_taken_is_refused_with_its_place(
    sqlite_gov: Governance, proposed: Path, text: str
) -> None:
    proposed.write_text(text)
    with pytest.raises(ConfigError, match="proposed.yaml"):
        sqlite_gov.promotion.backtest_policy(proposed)


def test_a_file_that_is_not_there(sqlite_gov: Governance, proposed: Path) -> None:
    with pytest.raises(ConfigError, match="readable"):
        sqlite_gov.promotion.backtest_policy(proposed)


@pytest.mark.parametrize("path", [5, None, b"policy.yaml", []])
def test_what_is_no_path_is_refused(sqlite_gov: Governance, path: Any) -> None:
    with pytest.raises(InvalidInputError, match="given by its path"):
        sqlite_gov.promotion.backtest_policy(path)
