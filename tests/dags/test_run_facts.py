"""What a task takes over from its run: always the same, and never what its conf claims."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from airflow.sdk import RetryAction
from sqlalchemy.engine import make_url

from governance.errors import (
    DatabaseUnavailableError,
    DataQualityError,
    InvalidInputError,
    NaiveDatetimeError,
    SettingsError,
)
from governance_airflow.connection import url_of
from governance_airflow.retries import UNAVAILABLE_ONLY
from governance_airflow.run_facts import (
    RunFacts,
    check_conf,
    given_time,
    scan_time,
    task_key,
    triggered_by,
)

DUE = datetime(2026, 3, 2, 6, tzinfo=UTC)


@dataclass
class Asset:
    uri: str = "governance://drift/severe/momentum"


@dataclass
class Event:
    """Stands for an asset event that a run consumed."""

    extra: dict[str, Any]
    asset: Asset = field(default_factory=Asset)


@dataclass
class Run:
    """Stands for Airflow's DAG run: the fields that are read."""

    dag_id: str = "retrain__momentum"
    run_id: str = "manual__1"
    run_after: datetime = DUE
    data_interval_end: datetime | None = None
    conf: dict[str, Any] | None = field(default_factory=dict)
    triggering_user_name: str | None = None
    run_type: str = "scheduled"
    consumed_asset_events: list[Event] = field(default_factory=list)


@dataclass
class Connected:
    """Stands for an Airflow connection."""

    conn_type: str | None = "postgres"
    host: str | None = "db.example"
    schema: str | None = "governance"
    login: str | None = "gov"
    password: str | None = "p@ss:w/rd"
    port: int | None = 5433
    extra: str | None = None


def test_conf_decides_the_evidence_time_before_interval_and_due_time() -> None:
    end = DUE - timedelta(hours=6)
    both = Run(data_interval_end=end, conf={"at": "2017-12-29T17:00:00-05:00"})
    assert RunFacts.of(both, owner="o").at == datetime(2017, 12, 29, 22, tzinfo=UTC)
    assert RunFacts.of(Run(data_interval_end=end), owner="o").at == end
    assert RunFacts.of(Run(conf=None), owner="o").at == DUE


def test_the_evidence_time_is_utc_whatever_the_zone_of_the_schedule() -> None:
    local = DUE.astimezone(timezone(timedelta(hours=-5)))
    at = RunFacts.of(Run(data_interval_end=local), owner="o").at
    assert at == DUE and at.tzinfo is UTC


@pytest.mark.parametrize(
    ("given", "error"),
    [("yesterday", InvalidInputError), ("2017-12-29T22:00:00", NaiveDatetimeError)],
)
def test_an_evidence_time_that_cannot_be_read_is_refused(
    given: str, error: type[Exception]
) -> None:
    with pytest.raises(error, match="at"):
        RunFacts.of(Run(conf={"at": given}), owner="o")


@pytest.mark.parametrize("conf", [{"att": "2018-01-01T00:00:00Z"}, {"by": "eve"}, {"at ": None}])
def test_a_key_that_a_retrain_run_does_not_know_is_refused_and_at_is_named(
    conf: dict[str, Any],
) -> None:
    with pytest.raises(InvalidInputError, match="does not know") as refused:
        check_conf(Run(conf=conf))
    assert repr(next(iter(conf))) in str(refused.value) and str(refused.value).endswith(" at")


@pytest.mark.parametrize("conf", [None, {}, {"at": None}, {"at": "2026-03-02T06:00:00Z"}])
def test_an_evidence_time_up_to_the_due_time_is_taken(conf: dict[str, Any] | None) -> None:
    check_conf(Run(conf=conf))


def test_a_run_that_drift_started_uses_what_was_known_when_the_drift_was_seen() -> None:
    seen = [Event({"at": "2026-03-01T22:00:00Z"}), Event({"at": "2026-03-01T18:00:00-05:00"})]
    by_drift = Run(run_type="asset_triggered", consumed_asset_events=seen)
    assert RunFacts.of(by_drift, owner="o").at == datetime(2026, 3, 1, 23, tzinfo=UTC)
    by_drift.conf = {"at": "2026-02-01T00:00:00Z"}
    assert RunFacts.of(by_drift, owner="o").at == datetime(2026, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "event", [Event({}), Event({"at": "2026-03-01T22:00:00Z"}, asset=Asset("s3://data/prices"))]
)
def test_an_event_that_says_nothing_of_drift_leaves_the_due_time(event: Event) -> None:
    run = Run(run_type="asset_triggered", consumed_asset_events=[event])
    assert RunFacts.of(run, owner="o").at == DUE


@pytest.mark.parametrize("at", ["2027-01-01T00:00:00Z", "soon", "2026-01-01T00:00:00", 5])
def test_an_event_cannot_ask_for_a_time_to_come_or_for_none(at: Any) -> None:
    with pytest.raises(InvalidInputError, match="at"):
        check_conf(Run(run_type="asset_triggered", consumed_asset_events=[Event({"at": at})]))


def test_a_scan_looks_back_from_a_whole_hour() -> None:
    end = DUE - timedelta(hours=6)
    assert scan_time(Run(data_interval_end=end)) == end
    assert scan_time(Run(run_after=DUE + timedelta(minutes=59, seconds=59))) == DUE
    assert scan_time(Run(conf={"at": "2026-03-01T18:00:00-05:00"})).hour == 23
    with pytest.raises(InvalidInputError, match="whole hour"):
        scan_time(Run(conf={"at": "2026-03-01T18:30:00Z"}))


def test_an_evidence_time_after_the_run_was_due_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="was due"):
        check_conf(Run(conf={"at": "2026-03-02T06:00:01Z"}))


def test_a_manual_run_belongs_to_who_triggered_it_and_a_scheduled_one_to_the_owner() -> None:
    manual = Run(run_type="manual", triggering_user_name="ada", conf={"by": "eve"})
    assert RunFacts.of(manual, owner="quant-team").by == "ada"
    assert RunFacts.of(Run(run_type="manual"), owner="quant-team").by == "quant-team"
    backfill = Run(run_type="backfill", triggering_user_name="ada")
    assert RunFacts.of(backfill, owner="quant-team").by == "quant-team"


def test_different_runs_have_different_keys() -> None:
    keys = {RunFacts.of(Run(run_id=r), owner="o").key for r in ("a:b", "a+b", "a b", "a/b")}
    assert len(keys) == 4
    assert RunFacts.of(Run(), owner="o") == RunFacts.of(Run(), owner="o")


def test_a_postgres_connection_becomes_the_url_of_our_driver() -> None:
    url = make_url(url_of(Connected(extra='{"sslmode": "require", "iam": true}')))
    assert url.drivername == "postgresql+psycopg"
    assert (url.password, url.port, url.database) == ("p@ss:w/rd", 5433, "governance")
    assert dict(url.query) == {"sslmode": "require"}


def test_a_sqlite_connection_names_its_file_as_host() -> None:
    assert url_of(Connected(conn_type="sqlite", host="/data/governance.db")) == (
        "sqlite:////data/governance.db"
    )


@pytest.mark.parametrize(
    "connection",
    [
        Connected(conn_type="mysql"),
        Connected(conn_type="sqlite", host=None),
        Connected(extra="{not json"),
    ],
)
def test_a_connection_that_cannot_be_used_is_refused_without_its_password(
    connection: Connected,
) -> None:
    with pytest.raises(SettingsError, match="governance_db") as refused:
        url_of(connection)
    assert "p@ss" not in str(refused.value)


def test_only_what_may_go_away_by_itself_is_tried_again() -> None:
    def decide(error: Exception) -> RetryAction:
        return UNAVAILABLE_ONLY.evaluate(error, try_number=1, max_tries=3).action

    assert decide(DatabaseUnavailableError("restart")) is RetryAction.RETRY
    assert decide(DataQualityError("bad rows")) is RetryAction.FAIL
    assert decide(MemoryError()) is RetryAction.DEFAULT


def test_a_tasks_key_is_readable_the_same_for_every_try_and_its_own() -> None:
    run = Run(run_id="manual__2026-03-02T06:00:00+00:00")
    key = task_key(run, "promote")
    assert key == "retrain__momentum/manual__2026-03-02T06:00:00+00:00/promote/-1"
    assert key == task_key(run, "promote")
    keys = {key, task_key(run, "promote", 0), task_key(run, "check"), task_key(Run(), "promote")}
    assert len(keys) == 4


@pytest.mark.parametrize("run_id", ["by hand, März", "x" * 250])
def test_a_run_id_that_is_no_key_counts_by_its_digest(run_id: str) -> None:
    key = task_key(Run(run_id=run_id), "promote")
    assert key.startswith("airflow/") and len(key) <= 255 and key.isascii()
    assert key != task_key(Run(run_id=run_id + "!"), "promote")


def test_only_who_triggered_a_run_by_hand_is_a_person() -> None:
    assert triggered_by(Run(run_type="manual", triggering_user_name="eve")) == "eve"
    assert triggered_by(Run(run_type="manual", conf={"by": "root"})) is None
    assert triggered_by(Run(run_type="backfill", triggering_user_name="eve")) is None


def test_without_a_time_in_the_conf_a_call_counts_as_of_when_it_is_made() -> None:
    assert given_time(Run()) is None
    assert given_time(Run(conf={"at": "2026-03-01T06:00:00Z"})) == DUE - timedelta(days=1)
