"""`gov.trials`: challenger and champion on the same real days, recorded once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from governance.errors import ConfigError, InvalidInputError, MetricConflictError
from governance.evidence.shadow.session_stats import SessionStats
from governance.evidence.shadow.summary import Session
from governance.settings import Settings
from governance.training.trial_runners import seen_until
from governance.values import ModelVersion, parse_time
from governance.wiring import Governance

DECLARED = Path(__file__).resolve().parents[1] / "dags" / "governance.yaml"
CUT = parse_time("2021-06-01T00:00:00Z")
DAY = timedelta(days=1)
AT = CUT + 30 * DAY


@pytest.fixture
def gov(database_url: str, tmp_path: Path) -> Iterator[Governance]:
    settings = Settings.load(home=tmp_path / "home", database_url=database_url, config=DECLARED)
    with Governance.open(settings=settings) as opened:
        yield opened


def trained(gov: Governance, at: Any = CUT) -> ModelVersion:
    run = f"{at:%Y-%m-%d}"
    gov.cycle.check_data("tiny", run=run, at=at)
    gov.cycle.train("tiny", run=run, at=at)
    made = gov.cycle.register("tiny", run=run, at=at, by="ada")
    gov.cycle.validate(made["ref"], by="ada", at=at)
    return gov.registry.resolve(made["ref"])


@pytest.fixture
def pair(gov: Governance) -> tuple[ModelVersion, ModelVersion]:
    """The champion, and a challenger with the same data and another seed of its days."""
    champion, challenger = trained(gov), trained(gov, CUT - 60 * DAY)
    gov.promotion.promote_to_production(champion, by="eve", force=True, reason="initial", at=CUT)
    gov.shadow.start_shadow_testing(challenger, by="ada", at=CUT)
    return champion, challenger


def without_latency(found: list[Session]) -> list[Any]:
    return [
        (one.id, one.at, {k: v for k, v in one.stats.as_json().items() if k != "avg_latency_ms"})
        for one in found
    ]


def test_both_get_the_same_days_and_make_pairs(
    gov: Governance, pair: tuple[ModelVersion, ModelVersion]
) -> None:
    told = gov.trials.run("tiny", start=CUT, end=AT)
    champion, challenger = pair
    assert told.recorded[champion.id] == told.recorded[challenger.id]
    assert len(told.recorded[champion.id]) == 28, "of Berlin's 29 midnights the last is not mature"
    progress = gov.shadow.progress(challenger)
    assert progress.metrics.sessions_completed == 28
    assert progress.comparison is not None and progress.comparison.pairs == 28


def test_a_second_run_changes_nothing_whatever_the_latency(
    gov: Governance, pair: tuple[ModelVersion, ModelVersion]
) -> None:
    first = gov.trials.run("tiny", start=CUT, end=AT)
    stands = [gov.shadow.sessions(version) for version in pair]
    second = gov.trials.run("tiny", start=CUT, end=AT)
    assert second.recorded == {} and second.known == sum(map(len, first.recorded.values()))
    assert [gov.shadow.sessions(version) for version in pair] == stands


def test_a_day_gives_the_same_figures_whenever_it_is_run(
    gov: Governance, pair: tuple[ModelVersion, ModelVersion]
) -> None:
    """No figure looks ahead: known a day later or a month later, the session is the same."""
    for days in (3, 4, 9, 30):
        gov.trials.run("tiny", start=CUT, end=CUT + days * DAY)
    day_by_day = [without_latency(gov.shadow.sessions(version)) for version in pair]
    other = trained(gov, CUT - 90 * DAY)
    gov.shadow.start_shadow_testing(other, by="ada", at=CUT)
    gov.trials.run("tiny", start=CUT, end=AT)
    assert [without_latency(gov.shadow.sessions(version)) for version in pair] == day_by_day
    assert len(gov.shadow.sessions(other)) == len(day_by_day[0])


def test_days_that_a_version_was_trained_on_are_never_its_sessions(
    gov: Governance, pair: tuple[ModelVersion, ModelVersion]
) -> None:
    champion, challenger = pair
    assert seen_until(challenger) < seen_until(champion) < CUT
    gov.trials.run("tiny", start=CUT - 200 * DAY, end=AT)
    for version in pair:
        first = gov.shadow.sessions(version)[0]
        assert parse_time(f"{first.id}T00:00:00+02:00") >= seen_until(version)
        assert parse_time(f"{first.id}T00:00:00+02:00") < seen_until(version) + 2 * DAY


def test_what_another_run_recorded_meanwhile_stays_and_the_rest_is_added(
    gov: Governance,
    pair: tuple[ModelVersion, ModelVersion],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = type(gov.shadow).record_sessions
    foreign = SessionStats(trade_count=1, score=-0.5, avg_latency_ms=99.0)

    def late(self: Any, ref: Any, sessions: list[Session], *, by: str = "") -> Any:
        monkeypatch.setattr(type(gov.shadow), "record_sessions", record)
        record(self, ref, [Session(id=sessions[3].id, at=sessions[3].at, stats=foreign)], by="x")
        return record(self, ref, sessions, by=by)

    monkeypatch.setattr(type(gov.shadow), "record_sessions", late)
    told = gov.trials.run("tiny", start=CUT, end=AT)
    (first, second) = sorted(told.recorded.values(), key=len)
    assert len(second) - len(first) == 1, "the one that stood is not ours"
    found = [one for version in pair for one in gov.shadow.sessions(version)]
    assert sum(one.stats == foreign for one in found) == 1


def test_a_conflict_that_no_other_run_explains_is_raised(
    gov: Governance,
    pair: tuple[ModelVersion, ModelVersion],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise MetricConflictError("two records of one session in one call")

    monkeypatch.setattr(type(gov.shadow), "record_sessions", never)
    with pytest.raises(MetricConflictError):
        gov.trials.run("tiny", start=CUT, end=AT)


def test_two_runs_at_once_record_each_session_once(
    gov: Governance, pair: tuple[ModelVersion, ModelVersion]
) -> None:
    told: list[Any] = []
    threads = [
        threading.Thread(
            target=lambda: told.append(gov.trials.run("tiny", start=CUT, end=CUT + 8 * DAY))
        )
        for _ in range(3)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(told) == 3
    for version in pair:
        ids = [day for run in told for day in run.recorded.get(version.id, [])]
        assert sorted(ids) == sorted({one.id for one in gov.shadow.sessions(version)})
    assert gov.audit.verify()


def test_without_a_trial_nothing_is_run(gov: Governance) -> None:
    trained(gov)
    assert gov.trials.models() == []
    told = gov.trials.run("tiny", start=CUT, end=AT)
    assert told.recorded == {} and told.known == 0


def test_models_on_trial_are_those_that_are_declared(
    gov: Governance, pair: tuple[ModelVersion, ModelVersion]
) -> None:
    assert gov.trials.models() == ["tiny"]


def test_a_span_without_a_day_and_an_undeclared_model_are_refused(gov: Governance) -> None:
    with pytest.raises(InvalidInputError, match="no session lies between"):
        gov.trials.run("tiny", start=AT, end=AT)
    with pytest.raises(ConfigError, match="nobody"):
        gov.trials.run("nobody", start=CUT, end=AT)


def test_a_version_whose_data_are_gone_is_run_and_has_no_drift_figure(
    gov: Governance, pair: tuple[ModelVersion, ModelVersion]
) -> None:
    for file in (gov.settings.home / "datasets" / "tiny").iterdir():
        os.unlink(file)
    gov.trials.run("tiny", start=CUT, end=CUT + 5 * DAY)
    (one, *_) = gov.shadow.sessions(pair[1])
    assert one.stats.drift_psi is None and one.stats.score is not None
