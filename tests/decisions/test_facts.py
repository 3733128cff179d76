"""What counts at a cut-off, and that facts survive being frozen."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from governance import Governance
from governance.canonical import canonical_json
from governance.decisions.asked import FORMAT
from governance.errors import IntegrityError
from governance.policy.facts import LoadFact, MetricLimit
from governance.policy.promotion.decide import decide_promotion
from governance.policy.promotion.facts import (
    ApprovalFacts,
    BundleFacts,
    DriftFacts,
    OtherEvidence,
    PairedFacts,
    PromotionFacts,
    ShadowFacts,
    VersionFacts,
)
from governance.policy.promotion.limits import PromotionLimits
from governance.store.drift_tables import model_drift_report_features, model_drift_reports
from governance.store.schema import model_registry
from governance.values import Kind, ModelVersion, Severity, Stage, Verdict
from tests.decisions.eligible import policy, promoted, staged
from tests.versions import NAME, registered

START = datetime(2026, 1, 1, tzinfo=UTC)


def _facts(gov: Governance, version: ModelVersion, at: datetime | None = None) -> PromotionFacts:
    _, decision = gov.promotion.check_promotion_eligibility(version, at=at)
    return PromotionFacts.from_json(decision.facts)


def test_sessions_count_up_to_the_cut_off_and_no_further(gov: Governance) -> None:
    policy(gov)
    first = promoted(gov, 1)
    version = staged(gov, 2)
    gov.shadow.start_shadow_testing(version, by="ann", at=START)
    for day in range(3):
        at = START + timedelta(days=day, hours=21)
        for of, score in ((version, 2.0), (first, 1.0 + day)):
            gov.shadow.update_shadow_metrics(
                of, {"trade_count": 4, "score": score}, session_id=f"day-{day}", at=at
            )
    seen = _facts(gov, version, START + timedelta(days=1, hours=21))
    assert seen.shadow is not None and seen.paired is not None
    assert (seen.shadow.sessions, seen.shadow.days, seen.shadow.trades) == (2, 2, 8)
    assert seen.shadow.soak_hours == 45
    assert (seen.paired.benchmark, seen.paired.pairs, seen.paired.mean) == (first.id, 2, 0.5)
    before = _facts(gov, version, START - timedelta(days=1))
    assert before.shadow is not None and before.shadow.sessions == 0
    later = _facts(gov, version, START + timedelta(days=30))
    assert later.shadow is not None and later.shadow.sessions == 3


def test_metrics_count_up_to_the_cut_off_and_no_further(gov: Governance) -> None:
    version = staged(gov, metrics={"auc": 0.5, "test": {"auc": 0.6, "f1": 0.4}})
    gov.validation.log_metric(version, "auc", 0.7, dataset_split="test", at=START)
    assert _facts(gov, version, START).candidate.metrics == {
        "registered": {"auc": 0.5},
        "test": {"auc": 0.7, "f1": 0.4},
    }
    earlier = _facts(gov, version, START - timedelta(seconds=1))
    assert earlier.candidate.metrics["test"]["auc"] == 0.6


def test_the_latest_validation_of_by_then_counts(sqlite_gov: Governance) -> None:
    gov = sqlite_gov
    version = registered(gov, metrics={"test": {"auc": 0.7}})
    for at, limit in ((START, 0.6), (START + timedelta(days=1), 0.9)):
        gov.validate(
            version, by="ann", at=at, limits=[MetricLimit(metric="auc", split="test", min=limit)]
        )
    assert _facts(gov, version, START - timedelta(days=1)).validation is None
    assert _facts(gov, version, START).validation is Verdict.PASS
    assert _facts(gov, version, START + timedelta(days=2)).validation is Verdict.FAIL


def _report(
    gov: Governance, version: ModelVersion, at: datetime, severity: str, *psi: float | None
) -> None:
    report = f"{version.id}-{at:%d%H}"
    with gov.database.begin() as tx:
        tx.execute(
            insert(model_drift_reports).values(
                id=report,
                model_name=version.name,
                version_id=version.id,
                model_version=version.version,
                at=at,
                severity=severity,
                rows=10,
                reasons=[],
                reference={},
                policy={},
                evidence_digest="0" * 64,
                episode={},
                revision=1,
                passing=False,
                recorded_at=at,
            )
        )
        for number, value in enumerate(psi):
            tx.execute(
                insert(model_drift_report_features).values(
                    report_id=report,
                    feature=f"f{number}",
                    severity=severity,
                    finding="none",
                    psi=value,
                    figures={},
                )
            )


def test_the_latest_drift_report_of_by_then_counts_with_its_age_and_largest_psi(
    gov: Governance,
) -> None:
    policy(gov)
    live, other = promoted(gov, 1), promoted(gov, 1, name="other")
    version = staged(gov, 2)
    _report(gov, live, START, "normal", 0.1, None, 0.3)
    _report(gov, live, START + timedelta(hours=5), "severe", 0.9)
    _report(gov, other, START + timedelta(hours=4), "moderate", 0.8)
    seen = _facts(gov, version, START + timedelta(hours=3)).drift
    assert seen is not None
    assert (seen.severity, seen.age_hours, seen.max_psi) == (Severity.NORMAL, 3.0, 0.3)
    later = _facts(gov, version, START + timedelta(hours=5)).drift
    assert later is not None and (later.severity, later.max_psi) == (Severity.SEVERE, 0.9)
    assert _facts(gov, version, START - timedelta(seconds=1)).drift is None


def test_a_report_whose_features_are_gone_has_no_psi(sqlite_gov: Governance) -> None:
    policy(sqlite_gov)
    version = promoted(sqlite_gov)
    _report(sqlite_gov, version, START, "normal")
    seen = _facts(sqlite_gov, version, START).drift
    assert seen is not None and seen.max_psi is None


def _with_bundle(gov: Governance, version: ModelVersion, bundle: Any) -> ModelVersion:
    manifest = {**version.manifest, "bundle": bundle}
    with gov.database.begin() as tx:
        tx.execute(
            model_registry.update()
            .where(model_registry.c.id == version.id)
            .values(manifest=manifest)
        )
    return gov.registry.resolve(version.id)


def test_members_of_a_bundle_are_looked_up_on_disk(sqlite_gov: Governance) -> None:
    said = {
        "targets": ["reject"],
        "horizons": [5, 15],
        "members": {
            "reject:5": "model.txt",
            "reject:15": "model.gone.txt",
            "reject:60": "../" * 9 + "etc/passwd",
        },
        "thresholds": {"reject:5": 0.6},
        "note": "of the trainer",
    }
    version = _with_bundle(sqlite_gov, staged(sqlite_gov), said)
    bundle = _facts(sqlite_gov, version).candidate.bundle
    assert bundle is not None
    assert bundle.members == {"reject:5": True, "reject:15": False, "reject:60": False}
    assert (bundle.targets, bundle.horizons) == (("reject",), (5, 15))


@pytest.mark.parametrize(
    "said", [None, "x", [], {"horizons": ["soon"]}, {"thresholds": 3}], ids=str
)
def test_a_bundle_that_cannot_be_understood_lacks_and_does_not_pass(
    sqlite_gov: Governance, said: Any
) -> None:
    policy(sqlite_gov, "required_targets: [reject]")
    version = _with_bundle(sqlite_gov, staged(sqlite_gov), said)
    eligible, decision = sqlite_gov.promotion.check_promotion_eligibility(version)
    assert not eligible
    bundle = [check for check in decision.checks if check.gate.startswith("bundle.")]
    assert {check.result for check in bundle} == {Verdict.INSUFFICIENT}


@pytest.mark.parametrize(
    ("run", "created_by", "owner"),
    [
        (None, "ann", None),
        ("retrain/manual__2013-02-01", "ann", None),
        ("retrain/scheduled__2013-02-01", "airflow", "quant-team"),
        ("retrain/backfill__2013-02-01", "airflow", "quant-team"),
        (None, "quant-team", "quant-team"),
        (7, "ann", None),
    ],
)
def test_the_owner_answers_for_what_ran_in_their_name(
    sqlite_gov: Governance,
    monkeypatch: pytest.MonkeyPatch,
    run: object,
    created_by: str,
    owner: str | None,
) -> None:
    class Declared:
        timezone, trading = "UTC", None
        owner = "quant-team"

    monkeypatch.setattr(sqlite_gov.promotion._facts, "_declared", lambda name: Declared)
    version = staged(sqlite_gov, created_by=created_by, metadata={"run": run})
    assert _facts(sqlite_gov, version).owner == owner


def test_ever_active_and_the_champion_are_as_they_are_now(gov: Governance) -> None:
    policy(gov)
    version = staged(gov, 1)
    assert _facts(gov, version).ever_active is False
    live = promoted(gov, 2)
    seen = _facts(gov, version, START - timedelta(days=9000))
    assert seen.ever_active is True
    assert seen.champion is not None and seen.champion.version_id == live.id


# -- frozen ---------------------------------------------------------------------------------------

TEXT = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
NUMBER = st.none() | st.floats() | st.integers(-(10**9), 10**9)
NAMED = st.dictionaries(TEXT, NUMBER, max_size=3)
SHADOW = st.builds(
    ShadowFacts,
    sessions=st.integers(0, 99),
    trades=st.none() | st.integers(0, 99),
    sharpe_ratio=NUMBER,
    drift_psi=NUMBER,
    soak_hours=NUMBER,
)
BUNDLE = st.builds(
    BundleFacts,
    targets=st.lists(TEXT, max_size=2).map(tuple),
    horizons=st.lists(st.integers(1, 60), max_size=2).map(tuple),
    members=st.dictionaries(TEXT, st.booleans(), max_size=2),
    thresholds=NAMED,
)
VERSION = st.builds(
    VersionFacts,
    version_id=TEXT,
    version=TEXT,
    digest=TEXT,
    created_by=TEXT,
    trained_end=st.none() | TEXT,
    metrics=st.dictionaries(TEXT, NAMED, max_size=2),
    provenance=st.dictionaries(TEXT, st.none() | TEXT, max_size=2),
    bundle=st.none() | BUNDLE,
)
FACTS = st.builds(
    PromotionFacts,
    at=TEXT,
    kind=st.sampled_from(Kind),
    stage=st.sampled_from(Stage),
    candidate=VERSION,
    champion=st.none() | VERSION,
    ever_active=st.booleans(),
    intact=st.none() | st.booleans(),
    load=st.none() | st.builds(LoadFact, loadable=st.booleans(), code=TEXT, reason=TEXT),
    validation=st.none() | st.sampled_from(Verdict),
    shadow=st.none() | SHADOW,
    paired=st.none()
    | st.builds(PairedFacts, benchmark=TEXT, pairs=st.integers(0, 99), mean=NUMBER, sd=NUMBER),
    drift=st.none()
    | st.builds(
        DriftFacts,
        severity=st.sampled_from(Severity),
        report_id=TEXT,
        at=TEXT,
        age_hours=NUMBER,
        max_psi=NUMBER,
    ),
    approval=st.builds(ApprovalFacts, approved_by=st.none() | TEXT, bound=st.booleans()),
    other=st.dictionaries(
        TEXT, st.builds(OtherEvidence, result=st.sampled_from(Verdict), observed=NUMBER), max_size=2
    ),
)
ASKED = PromotionLimits(
    min_shadow_sessions=5,
    max_drift_psi=0.2,
    min_live_sharpe=0.1,
    require_validation=True,
    required_targets=("reject",),
    require_approval=True,
    required_evidence=("fairness",),
    max_drift_severity="moderate",
)


@given(FACTS)
def test_facts_that_were_frozen_are_judged_as_they_were(facts: PromotionFacts) -> None:
    frozen = json.loads(canonical_json(facts.as_json()))
    again = PromotionFacts.from_json(frozen)
    assert canonical_json(again.as_json()) == canonical_json(facts.as_json())
    assert decide_promotion(again, ASKED) == decide_promotion(facts, ASKED)


def test_the_record_names_its_form(sqlite_gov: Governance) -> None:
    _, decision = sqlite_gov.promotion.check_promotion_eligibility(staged(sqlite_gov))
    assert decision.policy["format"] == FORMAT
    assert set(decision.policy) == {"format", "mode", "limits", "environment", "request"}
    assert decision.facts["candidate"]["version"] == "1.0.0"
    assert decision.model == NAME


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("UPDATE decisions SET verdict = 'splendid'", "a validation decision says 'splendid'"),
        ("UPDATE model_drift_reports SET severity = 'mild'", "says 'mild'"),
        ("UPDATE decisions SET verdict = CAST(x'ff41' AS TEXT)", "bytes that are no text"),
        ("UPDATE shadow_sessions SET stats = CAST(x'ff41' AS TEXT)", "bytes that are no text"),
        ("UPDATE shadow_sessions SET stats = x'ff41'", "is not as it was recorded"),
        ("UPDATE shadow_sessions SET stats = '[1]'", "is not as it was recorded"),
    ],
)
def test_a_row_that_was_altered_is_named_and_no_bare_exception(
    sqlite_gov: Governance, change: str, named: str
) -> None:
    gov = sqlite_gov
    policy(gov)
    version = registered(gov, metrics={"test": {"auc": 0.7}})
    limit = MetricLimit(metric="auc", split="test", min=0.6)
    gov.validate(version, by="ann", at=START, limits=[limit])
    gov.shadow.start_shadow_testing(version, by="ann", at=START)
    at = START + timedelta(hours=21)
    gov.shadow.update_shadow_metrics(version, {"score": 2.0}, session_id="day-0", at=at)
    _report(gov, version, at, "normal")
    with gov.database.begin() as tx:
        tx.exec_driver_sql("PRAGMA ignore_check_constraints=ON")
        triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        for name in tx.exec_driver_sql(triggers).all():
            tx.exec_driver_sql(f"DROP TRIGGER {name[0]}")
        assert tx.exec_driver_sql(change).rowcount > 0
    with pytest.raises(IntegrityError, match=named):
        gov.promotion.check_promotion_eligibility(version, at=at + timedelta(days=1))
