"""`gov.shadow` on both databases: trials, sessions that come as they like, facts for decisions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from governance import Governance
from governance.errors import (
    ConflictError,
    IllegalTransitionError,
    IntegrityError,
    InvalidEvidenceError,
    InvalidInputError,
    MetricConflictError,
    NaiveDatetimeError,
    NotFoundError,
)
from governance.evidence.shadow.gathering import paired_facts, shadow_facts
from governance.evidence.shadow.runs import end_trial
from governance.evidence.shadow.session_stats import SessionStats
from governance.evidence.shadow.summary import Session
from governance.store.database import database_time
from governance.values import ModelVersion, Stage, iso
from tests.versions import actions, champion, head, registered, validated

START = datetime(2013, 2, 1, 21, tzinfo=UTC)
GOOD = {
    "trade_count": 15,
    "turnover_ratio": 1.2,
    "sharpe_ratio": 0.8,
    "max_drawdown": 0.02,
    "drift_psi": 0.15,
    "avg_latency_ms": 45.0,
    "error_rate": 0.001,
}


def day(n: int) -> datetime:
    return START + timedelta(days=n)


def record(gov: Governance, version: ModelVersion, n: int, **given: Any) -> Any:
    return gov.shadow.update_shadow_metrics(
        version, given or GOOD, session_id=f"day-{n}", at=day(n)
    )


def started(gov: Governance, seed: int = 0, **given: Any) -> ModelVersion:
    version = validated(gov, seed)
    gov.shadow.start_shadow_testing(version, by="ann", **given)
    return gov.registry.resolve(version.id)


def test_a_trial_from_start_to_stop(gov: Governance) -> None:
    first = champion(gov, 0)
    version = validated(gov, 1)
    before = head(gov)
    run = gov.shadow.start_shadow_testing(version, by="ann", at=START)
    assert (run.state, run.benchmark_id, run.started_at) == ("running", first.id, START)
    assert gov.registry.resolve(version.id).stage is Stage.STAGING
    assert gov.shadow.start_shadow_testing(version, by="bob") == run
    assert actions(gov, after=before) == ["stage.changed", "shadow.started"]
    stopped = gov.shadow.stop_shadow_testing(version, by="bob", reason="enough")
    assert stopped.stage is Stage.VALIDATED
    assert gov.shadow.stop_shadow_testing(version, by="bob", reason="enough") == stopped
    assert actions(gov, after=before)[2:] == ["stage.changed", "shadow.stopped"]
    again = gov.shadow.start_shadow_testing(version, by="ann", at=day(3))
    assert again.id != run.id and again.started_at == day(3)
    gov.audit.verify()


def test_a_trial_needs_a_validated_version(gov: Governance) -> None:
    first = champion(gov, 0)
    for version in (registered(gov, 1), first):
        with pytest.raises((IllegalTransitionError, ConflictError)):
            gov.shadow.start_shadow_testing(version, by="ann")
    with pytest.raises(NotFoundError):
        gov.shadow.start_shadow_testing("momentum:9.9.9", by="ann")
    with pytest.raises(IllegalTransitionError):
        gov.shadow.stop_shadow_testing(validated(gov, 2), by="ann", reason="x")
    assert gov.shadow.list_shadow_models() == []


def test_a_benchmark_is_another_version_of_the_model(gov: Governance) -> None:
    first, second = champion(gov, 0), validated(gov, 1)
    version, other = validated(gov, 2), validated(gov, 3, name="reversal")
    for wrong in (version, other):
        with pytest.raises(InvalidInputError):
            gov.shadow.start_shadow_testing(version, wrong, by="ann")
    assert gov.registry.resolve(version.id).stage is Stage.VALIDATED
    assert gov.shadow.start_shadow_testing(version, second, by="ann").benchmark_id == second.id
    assert gov.shadow.start_shadow_testing(version, by="ann").benchmark_id == second.id
    with pytest.raises(ConflictError):
        gov.shadow.start_shadow_testing(version, first, by="ann")
    alone = validated(gov, 4, name="reversal")
    assert gov.shadow.start_shadow_testing(alone, by="ann").benchmark is None


def test_several_challengers_run_at_once(gov: Governance) -> None:
    champion(gov, 0)
    names = {started(gov, seed).id for seed in (1, 2, 3)}
    started_elsewhere = validated(gov, 4, name="reversal")
    gov.shadow.start_shadow_testing(started_elsewhere, by="ann")
    assert {one.id for one in gov.shadow.list_shadow_models("momentum")} == names
    assert len(gov.shadow.list_shadow_models()) == 4


def test_a_trial_that_was_left_by_hand_is_over(gov: Governance) -> None:
    version = started(gov)
    gov.registry.transition(version, "validated", "ann", "by hand")
    assert gov.shadow.list_shadow_models() == []
    again = gov.shadow.start_shadow_testing(version, by="ann", at=day(1))
    assert again.started_at == day(1) and len(gov.shadow.list_shadow_models()) == 1
    by_hand = validated(gov, 1)
    gov.registry.transition(by_hand, "staging", "ann", "by hand")
    assert gov.shadow.start_shadow_testing(by_hand, by="ann").state == "running"


@pytest.mark.parametrize("ahead", [timedelta(minutes=7), timedelta(days=36_500)])
def test_no_trial_and_no_session_lies_in_the_future(gov: Governance, ahead: timedelta) -> None:
    with gov.database.read() as connection:
        soon = database_time(connection) + ahead
    version = validated(gov, 0)
    with pytest.raises(InvalidInputError, match="lies in the future"):
        gov.shadow.start_shadow_testing(version, by="ann", at=soon)
    assert gov.registry.resolve(version.id).stage is Stage.VALIDATED
    gov.shadow.start_shadow_testing(version, by="ann", at=START)
    with pytest.raises(InvalidInputError, match="lies in the future"):
        gov.shadow.update_shadow_metrics(version, GOOD, session_id="s", at=soon)
    several = [
        Session(id=f"s{n}", at=at, stats=SessionStats.of(GOOD))
        for n, at in enumerate((START, soon, day(1)))
    ]
    with pytest.raises(InvalidInputError, match="lies in the future"):
        gov.shadow.record_sessions(version, several)
    assert gov.shadow.sessions(version) == []
    clocks_differ = soon - ahead + timedelta(minutes=3)
    assert gov.shadow.update_shadow_metrics(version, GOOD, session_id="s", at=clocks_differ)


def test_document_000s_five_sessions_meet_its_criteria(gov: Governance) -> None:
    version = started(gov)
    for n in range(5):
        progress = record(gov, version, n)
        assert progress.sessions_needed == 4 - n and progress.created
        assert progress.promotion_eligible is (n == 4)
    (listed,) = gov.shadow.list_shadow_models()
    assert (listed.id, listed.name, listed.version) == (version.id, "momentum", "1.0.0")
    assert listed.metrics.sessions_completed == listed["metrics"].sessions_completed == 5
    assert (listed.metrics.days, listed.metrics.total_trades) == (5, 75)
    assert listed["model_id"] == version.id and listed["promotion_eligible"]
    assert {said.gate for said in listed.criteria} == {
        f"shadow.{name}"
        for name in (
            *("sessions", "days", "trades", "turnover_ratio", "sharpe_ratio"),
            *("max_drawdown", "drift_psi"),
        )
    }


def test_order_and_repetition_of_sessions_change_nothing(gov: Governance) -> None:
    one, other = started(gov, 0), started(gov, 1)
    for n in (0, 1, 2, 3):
        record(gov, one, n, trade_count=n, returns=[0.01 * n, -0.02])
    for n in (3, 1, 1, 0, 2, 3, 0):
        record(gov, other, n, trade_count=n, returns=[0.01 * n, -0.02])
    with gov.database.read() as connection:
        said = [
            shadow_facts(connection, version, at=day(9), timezone="UTC") for version in (one, other)
        ]
    assert said[0] is not None and said[1] is not None
    assert said[0].model_copy(update={"soak_hours": None}) == said[1].model_copy(
        update={"soak_hours": None}
    )
    assert (said[0].sessions, said[0].trades, said[0].pooled) == (4, 6, True)


def test_the_first_record_of_a_session_stays(gov: Governance) -> None:
    version = started(gov)
    assert record(gov, version, 0).created
    before = head(gov)
    assert not record(gov, version, 0).created
    for stats, at in ((GOOD | {"trade_count": 16}, day(0)), (GOOD, day(1))):
        with pytest.raises(MetricConflictError):
            gov.shadow.update_shadow_metrics(version, stats, session_id="day-0", at=at)
    assert head(gov) == before, "a replay and a refusal leave no entry"
    (kept,) = gov.shadow.sessions(version)
    assert kept == Session(id="day-0", at=day(0), stats=SessionStats.of(GOOD))


def test_a_session_without_a_time_is_replayed_with_the_time_it_got(gov: Governance) -> None:
    version = started(gov)
    for created in (True, False):
        said = gov.shadow.update_shadow_metrics(version, GOOD, session_id="s")
        assert said.created is created


def test_many_sessions_are_recorded_all_or_none(gov: Governance) -> None:
    version = started(gov)
    many = [Session(id=f"s{n}", at=day(n), stats=SessionStats(score=n)) for n in range(700)]
    assert len(gov.shadow.record_sessions(version, many[:600])) == 600
    assert [one.id for one in gov.shadow.record_sessions(version, many[590:601])] == ["s600"]
    wrong = [*many[601:], Session(id="s3", at=day(3), stats=SessionStats(score=99))]
    with pytest.raises(MetricConflictError, match="s3"):
        gov.shadow.record_sessions(version, wrong)
    assert gov.shadow.progress(version).metrics.sessions_completed == 601
    for several in ([], many * 2):
        with pytest.raises(InvalidEvidenceError):
            gov.shadow.record_sessions(version, several)
    twice = [Session(id="twice", at=day(1), stats=SessionStats(score=n)) for n in (1, 2)]
    with pytest.raises(MetricConflictError):
        gov.shadow.record_sessions(version, twice)
    gov.shadow.record_sessions(version, [many[601], many[601]])
    gov.audit.verify()


@pytest.mark.parametrize(
    "given",
    [
        *({"trades": 3}, {**GOOD, "sharpe_ratio": float("nan")}, {}),
        *({**GOOD, "returns": [0.1, float("inf")]}, {**GOOD, "error_rate": 2}),
    ],
)
def test_figures_that_mean_nothing_are_refused(gov: Governance, given: dict[str, Any]) -> None:
    version = started(gov)
    with pytest.raises(InvalidEvidenceError):
        gov.shadow.update_shadow_metrics(version, given, session_id="s", at=START)
    with pytest.raises(InvalidEvidenceError):
        gov.shadow.update_shadow_metrics(version, GOOD, session_id="../s", at=START)
    with pytest.raises(NaiveDatetimeError):
        gov.shadow.update_shadow_metrics(version, GOOD, session_id="s", at=datetime(2013, 2, 1))
    assert gov.shadow.progress(version).metrics.sessions_completed == 0


def test_who_never_ran_records_nothing(gov: Governance) -> None:
    with pytest.raises(ConflictError, match="shadow start"):
        record(gov, validated(gov, 0), 0)
    late = started(gov, 1)
    gov.shadow.stop_shadow_testing(late, by="ann", reason="enough")
    assert record(gov, late, 0).created, "a late session of a stopped trial is evidence"


def test_only_what_ended_by_the_cut_off_counts(gov: Governance) -> None:
    first, version = champion(gov, 0), started(gov, 1, at=day(1))
    for n in range(4):
        record(gov, version, n, score=float(n * n))
        record(gov, first, n, score=float(n))
    with gov.database.read() as connection:
        early = shadow_facts(connection, version, at=day(1), timezone="UTC")
        pairs = paired_facts(connection, version, first, at=day(1))
        late = paired_facts(connection, version, first, at=day(9))
        assert paired_facts(connection, first, first, at=day(9)) is None
        assert paired_facts(connection, version, None, at=day(9)) is None
    assert early is not None and (early.sessions, early.soak_hours) == (2, 0.0)
    assert pairs is not None and (pairs.pairs, pairs.mean, pairs.sd) == (2, 0.0, 0.0)
    assert late is not None and (late.pairs, late.mean) == (4, 2.0)
    assert gov.shadow.progress(version, at=day(0)).metrics.sessions_completed == 1
    assert gov.shadow.progress(version, at=day(3)).metrics.soak_hours == 48.0


def test_candidates_are_all_who_were_tried_against_the_champion(gov: Governance) -> None:
    first = champion(gov, 0)
    versions = [started(gov, seed) for seed in (1, 2, 3)]
    gov.shadow.stop_shadow_testing(versions[0], by="ann", reason="bad")
    gov.shadow.start_shadow_testing(versions[0], by="ann")
    gov.shadow.stop_shadow_testing(versions[1], by="ann", reason="bad")
    with gov.database.read() as connection:
        found = paired_facts(connection, versions[2], first, at=day(0))
    assert found is not None and found.candidates == 3, "a stopped one was tried, a second try not"
    # Against another benchmark, and running: it could be promoted over this champion all the same.
    gov.shadow.start_shadow_testing(validated(gov, 4), versions[0], by="ann")
    with gov.database.read() as connection:
        found = paired_facts(connection, versions[2], first, at=day(0))
    assert found is not None and found.candidates == 4


def test_a_promotion_ends_the_trial_in_its_own_transaction(gov: Governance) -> None:
    version = started(gov)
    with pytest.raises(RuntimeError), gov.database.begin() as tx:
        assert end_trial(tx, version.id, state="promoted", by="ann", at=day(1), reason="decision")
        raise RuntimeError
    assert len(gov.shadow.list_shadow_models()) == 1
    with gov.database.begin() as tx:
        assert end_trial(tx, version.id, state="promoted", by="ann", at=day(1), reason="decision")
        assert not end_trial(tx, version.id, state="stopped", by="ann", at=day(1), reason="again")
    assert gov.shadow.list_shadow_models() == []


def test_a_promoted_challenger_leaves_the_list(gov: Governance) -> None:
    version = started(gov)
    record(gov, version, 0)
    gov.promotion.promote_to_production(version, by="eve", force=True, reason="it cannot wait")
    assert gov.shadow.list_shadow_models() == []
    assert record(gov, version, 1).stage == "production"


def test_progress_says_how_the_comparison_stands(gov: Governance) -> None:
    first, version = champion(gov, 0), started(gov, 1)
    for n in range(24):
        record(gov, version, n, score=1.0 + 0.5 * (n % 2), trade_count=1)
        record(gov, first, n, score=0.5)
    said = gov.shadow.progress(version).comparison
    assert said is not None and (said.champion, said.pairs, said.verdict) == ("1.0.0", 24, "better")
    assert said.low is not None and said.high is not None and said.mean is not None
    assert 0 < said.low < said.mean < said.high
    assert said.sessions_needed == 0 and said.candidates == 1
    assert gov.shadow.progress(first).comparison is None


@pytest.mark.parametrize(
    "change",
    [
        "stats = '{\"trade_count\":99}'",
        "stats = '[]'",
        "stats = 'x'",
        "digest = 'x'",
        "at = {later}",
    ],
)
def test_a_session_that_was_altered_in_the_database_does_not_count(
    gov: Governance, change: str
) -> None:
    version = started(gov, 1)
    record(gov, version, 1, returns=[0.1, -1e-07], score=1e-05)
    record(gov, version, 2)
    assert [one.id for one in gov.shadow.sessions(version)] == ["day-1", "day-2"]
    assert gov.shadow.sessions(version)[0].stats.returns == (0.1, -1e-07)
    later = f"'{iso(day(1) - timedelta(minutes=1))}'"
    with gov.database.begin() as tx:
        changed = change.format(later=later) if "{later}" in change else change
        query = "UPDATE shadow_sessions SET {} WHERE session_id = 'day-1'"
        tx.exec_driver_sql(query.format(changed))
    for look in (gov.shadow.sessions, gov.shadow.progress):
        with pytest.raises(IntegrityError, match="'day-1' .* is not as it was recorded"):
            look(version)
    assert gov.shadow.progress(version, at=day(0)).metrics.sessions_completed == 0
