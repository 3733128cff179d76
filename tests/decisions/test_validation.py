"""trained -> validated or failed, by the declared policy; INSUFFICIENT changes nothing."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from governance import Governance
from governance.errors import IllegalTransitionError, NotFoundError, UnsafeFormatError
from governance.policy.facts import MetricLimit
from governance.values import Stage, Verdict
from tests.model_bytes import KILLER, model_bytes
from tests.versions import NAME, actions, head, registered

LIMIT = (MetricLimit(metric="auc", split="test", min=0.6),)


def test_a_good_version_becomes_validated(gov: Governance) -> None:
    version = registered(gov)
    gov.validation.log_metric(version, "auc", 0.7, by="ann")
    decision = gov.validate(version, by="eve", limits=LIMIT)
    assert decision and decision.verdict is Verdict.PASS
    assert gov.registry.resolve(version).stage is Stage.VALIDATED
    assert actions(gov)[-2:] == ["validation.decided", "stage.changed"]


def test_a_bad_version_becomes_failed_with_its_reasons(gov: Governance) -> None:
    version = registered(gov, metrics={"test": {"auc": 0.55}})
    decision = gov.validate(version, by="eve", limits=LIMIT)
    assert not decision and decision.verdict is Verdict.FAIL
    assert gov.registry.resolve(version).stage is Stage.FAILED
    assert any("auc" in reason for reason in decision.reasons)
    assert "auc" in gov.audit.entries(action="stage.changed")[-1].details["reason"]


def test_a_limit_is_met_exactly_at_its_value(sqlite_gov: Governance) -> None:
    version = registered(sqlite_gov, metrics={"test": {"auc": 0.6}})
    assert sqlite_gov.validate(version, by="eve", limits=LIMIT)


@pytest.mark.parametrize("metrics", [None, {"test": {"auc": None}}, {"train": {"auc": 0.9}}])
def test_missing_evidence_is_insufficient_and_the_version_stays_trained(
    gov: Governance, metrics: dict[str, object] | None
) -> None:
    version = registered(gov, metrics=metrics)
    decision = gov.validate(version, by="eve", limits=LIMIT)
    assert decision.verdict is Verdict.INSUFFICIENT and not decision
    assert gov.registry.resolve(version).stage is Stage.TRAINED
    gov.validation.log_metric(version, "auc", 0.9, by="ann")  # the evidence arrives
    assert gov.validate(version, by="eve", limits=LIMIT).verdict is Verdict.PASS


def test_a_recorded_metric_stands_before_one_given_at_registration(sqlite_gov: Governance) -> None:
    version = registered(sqlite_gov, metrics={"test": {"auc": 0.9}})
    sqlite_gov.validation.log_metric(version, "auc", 0.5, by="ann")
    assert sqlite_gov.validate(version, by="eve", limits=LIMIT).verdict is Verdict.FAIL


def test_flat_metrics_count_on_the_split_registered(sqlite_gov: Governance) -> None:
    limit = MetricLimit(metric="auc", split="registered", min=0.6)
    version = registered(sqlite_gov, metrics={"auc": 0.7})
    assert sqlite_gov.validate(version, by="eve", limits=[limit])


def test_a_limit_in_observe_mode_decides_nothing(sqlite_gov: Governance) -> None:
    limit = MetricLimit(metric="auc", split="test", min=0.6, mode="observe")
    version = registered(sqlite_gov, metrics={"test": {"auc": 0.1}})
    decision = sqlite_gov.validate(version, by="eve", limits=[limit])
    assert decision.verdict is Verdict.PASS
    assert any(c.mode == "observe" and c.result is Verdict.FAIL for c in decision.checks)


def test_asking_the_same_or_less_gives_the_stored_decision(gov: Governance) -> None:
    version = registered(gov, metrics={"test": {"auc": 0.7}})
    first = gov.validate(version, by="eve", limits=LIMIT)
    before = head(gov)
    assert gov.validate(version, by="max", limits=LIMIT) == first
    gov.registry.transition(version, "staging", "eve", "trial")
    assert gov.validate(version, by="eve").id == first.id
    assert head(gov) == before + 1


def test_asking_more_judges_again_and_leaves_the_stage(gov: Governance) -> None:
    version = registered(gov, metrics={"test": {"auc": 0.81}})
    assert gov.validate(version, by="eve", limits=LIMIT).verdict is Verdict.PASS
    strict = [MetricLimit(metric="auc", split="test", min=0.95)]
    again = gov.validate(version, by="eve", limits=strict)
    assert again.verdict is Verdict.FAIL
    assert gov.validate(version, by="eve", limits=strict) == again
    assert gov.registry.resolve(version).stage is Stage.VALIDATED
    assert gov.audit.verify()


def test_judging_twice_at_once_gives_one_decision(gov: Governance) -> None:
    version = registered(gov)
    with ThreadPoolExecutor(6) as pool:
        said = list(pool.map(lambda n: gov.validate(version, by=f"person {n}"), range(6)))
    assert len({decision.id for decision in said}) == 1


def test_a_failed_version_is_not_judged_again(gov: Governance) -> None:
    version = registered(gov, metrics={"test": {"auc": 0.1}})
    first = gov.validate(version, by="eve", limits=LIMIT)
    assert gov.validate(version, by="eve").id == first.id
    assert gov.registry.resolve(version).stage is Stage.FAILED


@pytest.mark.parametrize("stage", ["draft", "retired"])
def test_only_a_trained_version_can_be_judged(sqlite_gov: Governance, stage: str) -> None:
    if stage == "draft":
        version = sqlite_gov.registry.register_model(
            NAME, model_type="x", stage="draft", created_by="ann"
        )
    else:
        version = sqlite_gov.registry.deactivate_model(registered(sqlite_gov), "ann", "old")
    with pytest.raises(IllegalTransitionError, match="only a trained version"):
        sqlite_gov.validate(version, by="eve")


def test_bytes_that_do_not_load_fail_with_the_reason(
    sqlite_gov: Governance, tmp_path: Path
) -> None:
    path = tmp_path / "killer.txt"
    path.write_bytes(KILLER)
    version = sqlite_gov.registry.register_model(
        NAME, model_path=path, model_type="lightgbm", created_by="ann"
    )
    decision = sqlite_gov.validate(version, by="eve")
    assert decision.verdict is Verdict.FAIL
    assert sqlite_gov.registry.resolve(version).stage is Stage.FAILED


def test_bytes_that_changed_on_disk_fail(sqlite_gov: Governance) -> None:
    version = registered(sqlite_gov)
    path = sqlite_gov.settings.home / version.artifact_path / "model.txt"
    path.write_bytes(model_bytes(9))
    decision = sqlite_gov.validate(version, by="eve")
    assert decision.verdict is Verdict.FAIL
    assert any("digest" in reason for reason in decision.reasons)


def test_a_format_that_may_not_be_parsed_here_gives_no_verdict(
    sqlite_gov: Governance, tmp_path: Path
) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps({"weights": [1]}))
    version = sqlite_gov.registry.register_model(
        NAME, model_path=path, model_type="dict", created_by="ann"
    )
    with pytest.raises(UnsafeFormatError):
        sqlite_gov.validate(version, by="eve")
    assert sqlite_gov.registry.resolve(version).stage is Stage.TRAINED


def test_the_declared_policy_asks_for_provenance(sqlite_gov: Governance) -> None:
    config = sqlite_gov.settings.config_path
    config.parent.mkdir(parents=True, exist_ok=True)
    packaged = Path(__file__).parents[2] / "config" / "governance.yaml"
    config.write_bytes(packaged.read_bytes())
    decision = sqlite_gov.validate(registered(sqlite_gov), by="eve")
    assert decision.verdict is Verdict.INSUFFICIENT
    missing = {check.gate for check in decision.checks if check.result is Verdict.INSUFFICIENT}
    hashes = ("dataset_hash", "feature_graph_hash", "training_config_hash")
    assert {f"provenance.{name}" for name in hashes} <= missing


def test_what_does_not_exist_cannot_be_judged(sqlite_gov: Governance) -> None:
    with pytest.raises(NotFoundError):
        sqlite_gov.validate("unknown:1.0.0", by="eve")
