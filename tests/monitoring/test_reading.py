"""What the figures say, read from real records, with as many statements for many models as for
one.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import insert

from governance import Governance
from governance.evidence.drift.normal.false_alarms import FalseAlarms
from governance.evidence.drift.records import calibrations
from governance.evidence.drift.records.calibrations import Calibration
from governance.history.alert_rows import tell
from governance.monitoring.decision_counts import DecisionCounts
from governance.monitoring.installation import put_installation
from governance.monitoring.reading import Installation, read_installation
from governance.monitoring.sheet import Sheet
from governance.store.database import database_time
from governance.store.drift_tables import model_drift_report_features
from governance.store.promotion_tables import rollback_drills
from governance.values import ModelVersion, Severity, Verdict
from tests.api.test_models import statements
from tests.api.world import AT, build, incident, report
from tests.decisions.eligible import policy, promoted, staged
from tests.versions import NAME, registered


def read(gov: Governance, counts: DecisionCounts | None = None) -> Installation:
    with gov.database.read() as connection:
        return read_installation(connection, counts or DecisionCounts())


def psi(gov: Governance, report_id: str, **values: float | None) -> None:
    with gov.database.begin() as tx:
        tx.execute(
            insert(model_drift_report_features),
            [
                {
                    "report_id": report_id,
                    "feature": name,
                    "severity": "normal",
                    "finding": "unchanged",
                    "psi": value,
                    "figures": {},
                }
                for name, value in values.items()
            ],
        )


def drilled(gov: Governance, version: ModelVersion, *, passed: bool = True) -> None:
    with gov.database.begin() as tx:
        tx.execute(
            insert(rollback_drills).values(
                model_name=version.name,
                at=AT if passed else AT + timedelta(days=7),
                target_id=version.id,
                passed=passed,
                duration_ms=1500.0,
                code="ok",
                reason="",
                recorded_at=database_time(tx),
            )
        )


def calibrated(gov: Governance, version: ModelVersion, per_month: float = 2.0) -> None:
    measured = FalseAlarms(
        days=60,
        features=3,
        flagged_share=0.01,
        alarm_days=4,
        per_month=per_month,
        upper_bound=4.0,
        budget=1.0,
        verdict=Verdict.FAIL,
    )
    with gov.database.begin() as tx:
        found = Calibration(model=version.name, version_id=version.id, at=AT, measured=measured)
        calibrations.record(tx, found)


def test_every_figure_of_a_model(gov: Governance) -> None:
    world = build(gov)
    psi(gov, world.ids["report_id"], visib=0.4, temp=0.1, wind=None)
    drilled(gov, world.champion)
    drilled(gov, world.champion, passed=False)
    calibrated(gov, world.champion)
    found = read(gov)
    model = found.models[NAME]
    assert (model.generation, model.live) == (1, True)
    assert model.drift is not None and model.calibrated is not None and model.drilled is not None
    assert (model.drift.severity, model.drift.psi, model.drift.at) == ("severe", 0.4, AT)
    assert (model.calibrated.measured, model.calibrated.budget) == (2.0, 1.0)
    assert (model.drilled.passed, model.drilled.seconds) == (False, 1.5)  # the newest one
    assert model.alerts == {"moderate": 1}
    assert found.in_stage == {"production": 1, "staging": 1} == found.versions
    assert found.decisions == {("promotion", "pass", False): 1}
    assert (found.pending_approvals, found.running_trials) == (1, 1)
    assert set(found.undelivered) == {("email", "pending")}
    assert found.oldest_seconds > 86_400  # it was recorded as of 2013


def test_drift_is_that_of_the_version_that_decides(sqlite_gov: Governance) -> None:
    gov = sqlite_gov
    policy(gov)
    old = promoted(gov, 1)
    report(gov, old)
    new = promoted(gov, 2)
    assert read(gov).models[NAME].drift is None
    report(gov, new, at=AT - timedelta(days=1), severity=Severity.NORMAL)
    drift = read(gov).models[NAME].drift
    assert drift is not None and (drift.severity, drift.psi) == ("normal", None)
    later = report(gov, new, severity=Severity.MODERATE)
    psi(gov, later, visib=0.3)
    drift = read(gov).models[NAME].drift
    assert drift is not None and (drift.severity, drift.psi) == ("moderate", 0.3)


def test_twenty_models_take_as_many_statements_as_one(sqlite_gov: Governance) -> None:
    policy(sqlite_gov)
    asked = []
    for number in (1, 20):
        for seed in range(len(read(sqlite_gov).models), number):
            registered(sqlite_gov, seed, name=f"m{seed}")
        first = sqlite_gov.registry.resolve(f"m{number - 1}:1.0.0")
        incident(sqlite_gov, first)
        report(sqlite_gov, first)
        with statements(sqlite_gov) as found:
            assert len(read(sqlite_gov).models) == number
        asked.append(len(found))
    assert asked[0] == asked[1] <= 15


def test_decisions_are_counted_once(gov: Governance) -> None:
    policy(gov)
    counts = DecisionCounts()
    assert read(gov, counts).decisions == {}
    for seed in (1, 2):
        promoted(gov, seed)
        whole = read(gov).decisions
        assert read(gov, counts).decisions == whole == {("promotion", "pass", False): seed}
    third = staged(gov, 3)
    gov.promotion.promote_to_production(third, by="eve", force=True, reason="now")
    found = read(gov, counts).decisions
    assert found == read(gov, counts).decisions == read(gov).decisions
    assert sum(number for (_, _, forced), number in found.items() if forced) == 1
    counts._seen = 10**9  # the database was put back to an older state
    assert read(gov, counts).decisions == found


def test_models_beyond_the_bound_count_in_the_sums_alone(sqlite_gov: Governance) -> None:
    policy(sqlite_gov)
    for number in range(3):
        report(sqlite_gov, promoted(sqlite_gov, number, name=f"m{number}"))
    sheet = Sheet("management")
    put_installation(sheet, read(sqlite_gov), most_models=2)
    page = sheet.written("")[0].decode()
    assert "governance_models_left_out 1.0" in page and "governance_models 3.0" in page
    assert 'governance_models_by_drift{severity="severe"} 3.0' in page
    assert 'model="m1"' in page and 'model="m2"' not in page


def test_a_fresh_home_has_sums_and_no_series(gov: Governance) -> None:
    sheet = Sheet("management")
    put_installation(sheet, read(gov), most_models=1000)
    page = sheet.written("")[0].decode()
    assert "governance_models 0.0" in page
    assert 'governance_models_by_drift{severity="none"} 0.0' in page
    assert "governance_outbox_oldest_age_seconds 0.0" in page
    assert 'model="' not in page


def test_what_was_given_up_is_no_longer_waiting(sqlite_gov: Governance) -> None:
    version = registered(sqlite_gov, 1)
    payload = {"incident_id": "0" * 12, "model": version.name, "event": "opened"}
    with sqlite_gov.database.begin() as tx:
        tell(tx, payload, key="k", channel="webhook:ops", now=AT, state="dead")
        tell(tx, payload, key="k2", channel="webhook:ops", now=AT, state="sent")
    found = read(sqlite_gov)
    assert found.undelivered == {("webhook:ops", "dead"): 1} and found.oldest_seconds == 0.0
