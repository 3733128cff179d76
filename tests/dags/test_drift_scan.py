"""The drift scan, run for real: every task through Airflow's task runner, on real live data."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import func, select

from governance.errors import (
    DatabaseUnavailableError,
    DriftScanError,
    LiveDataError,
    UnavailableError,
)
from governance.settings import Settings
from governance.store import schema
from governance.store.alert_tables import alert_outbox, incidents
from governance.store.drift_tables import model_drift_reports
from governance.values import iso
from governance.wiring import Governance
from governance_airflow.assets import severe_drift
from governance_airflow.drift_operators import worth_another_try
from local.caught_mail import MailCatcher
from tests.dags.conftest import DECLARED, ROOT
from tests.evidence.drift.live_model import forget_notices
from tests.model_bytes import model_file

pytestmark = pytest.mark.usefixtures("airflow_database")

SINCE = datetime(2022, 3, 1, tzinfo=UTC)
AT = datetime(2022, 3, 10, 14, tzinfo=UTC)  # a Thursday
SHIFT = AT - timedelta(hours=13)
HOUR = timedelta(hours=1)
TASKS = ("plan", "scan", "all_scanned", "request_retraining", "deliver_alerts")
LIVE = {"kind": "function", "function": "tests.dags.live_model:hours"}


def watched(name: str, **params: Any) -> dict[str, Any]:
    """A declaration of a model that is watched, and retrained when it drifts."""
    tiny: dict[str, Any] = yaml.safe_load(DECLARED.read_text())["models"]["no_data"]
    live = {**LIVE, "params": params}
    drift = {
        "live": live,
        "features": ["level", "speed", "depth"],
        "calendar": {"days": "same"},
        "retrain_on_drift": "severe",
    }
    return {**tiny, "description": name, "timezone": "UTC", "drift": drift}


STEADY, STORMY = watched("steady"), watched("stormy", shift_from=SHIFT.isoformat())
LOST, UNKNOWN = watched("lost", unreachable=True), watched("unknown", empty=True)


@pytest.fixture
def declare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, airflow_database: None
) -> Iterator[Callable[..., Governance]]:
    """Declare models, put a version of each into production, and give what tasks work on."""
    opened = []

    def models(folder: str = "home", **declared: Mapping[str, Any]) -> Governance:
        file = tmp_path / "governance.yaml"
        alerts = {"email": ["ops@example.com"], "group": "1s"}
        file.write_text(json.dumps({"models": declared, "alerts": alerts}))
        monkeypatch.setenv("GOVERNANCE_CONFIG", str(file))
        monkeypatch.setenv("GOVERNANCE_HOME", str(tmp_path / folder))
        gov = Governance.open(settings=Settings.load(home=tmp_path / folder, config=file))
        opened.append(gov)
        for number, name in enumerate(declared):
            made = gov.registry.register_model(
                name,
                model_path=model_file(tmp_path, number),
                model_type="lightgbm",
                created_by="ada",
                at=SINCE,
            )
            gov.registry.transition(made, "validated", by="ada", reason="test")
            gov.promotion.promote_to_production(
                made, by="ada", force=True, reason="first", at=SINCE
            )
        forget_notices(gov)
        return gov

    # dag.test() reads the DAG folder again, to store what it runs: one file is enough.
    dags = tmp_path / "dags"
    dags.mkdir()
    for name in ("drift_scan.py", "drift_calibration.py", "deliver_alerts.py"):
        (dags / name).symlink_to(ROOT / "dags" / name)
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(dags))
    yield models
    for gov in opened:
        gov.close()


@pytest.fixture
def drift_scan(load_dags: Callable[[Path], dict[str, Any]]) -> Any:
    return load_dags(ROOT / "dags" / "drift_scan.py")["drift_scan"]


@pytest.fixture
def mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailCatcher]:
    """A mail server, and Airflow's connection to it."""
    with MailCatcher(tmp_path / "mail") as catcher:
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_GOVERNANCE", smtp(catcher.port))
        yield catcher


def smtp(port: int) -> str:
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "gov@example.com"}
    host = {"conn_type": "smtp", "host": "127.0.0.1", "port": port}
    return json.dumps({**host, "extra": {**extra, "timeout": 5}})


def scan(dag: Any, at: datetime = AT) -> Any:
    """The run of the hour that ends at `at` (for `dag.test()` an hour ends at its logical date)."""
    return dag.test(logical_date=at)


def states(run: Any) -> dict[str, str]:
    return {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


def counts(gov: Governance) -> dict[str, int]:
    """Rows of every table: what a repeated task must not add to."""
    with gov.database.read() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in schema.metadata.sorted_tables
        }


def reports(gov: Governance) -> dict[tuple[str, datetime], tuple[Any, ...]]:
    """What was found, by model and moment: everything but when it was written down."""
    columns = [c for c in model_drift_reports.c if c.name != "recorded_at"]
    with gov.database.read() as connection:
        rows = connection.execute(select(*columns)).all()
    return {(row.model_name, row.at): tuple(row) for row in rows}


def severities(gov: Governance) -> dict[str, str]:
    """Of the latest report of every model."""
    with gov.database.read() as connection:
        rows = connection.execute(select(model_drift_reports).order_by(model_drift_reports.c.at))
        return {row.model_name: row.severity for row in rows}


def events(model: str) -> list[dict[str, Any]]:
    """What Airflow was told of a model's severe drift."""
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session

    with create_session() as session:
        found = session.scalars(
            select(AssetEvent)
            .join(AssetModel, AssetModel.id == AssetEvent.asset_id)
            .where(AssetModel.uri == severe_drift(model).uri)
            .order_by(AssetEvent.id)
        )
        return [dict(event.extra) for event in found]


def test_a_run_scans_every_model_tells_of_drift_and_asks_for_retraining(
    declare: Callable[..., Governance], drift_scan: Any, mail: MailCatcher
) -> None:
    gov = declare(steady=STEADY, stormy_one=STORMY)
    run = scan(drift_scan)
    assert run.state == "success"
    assert states(run) == dict.fromkeys(TASKS, "success")
    (scanned,) = [ti for ti in run.get_task_instances() if ti.task_id == "scan"]
    assert scanned.rendered_map_index == "steady, stormy_one"
    assert severities(gov) == {"steady": "normal", "stormy_one": "severe"}
    shown = "/plugin/governance/governance/dashboard"
    for link, below in (("drift", "?show=drift"), ("alerts", "/alerts")):
        key = f"governance_link_{link}"
        found = scanned.xcom_pull(task_ids="scan", map_indexes=0, key=key)
        assert found == f"{shown}{below}", "of several models the lists"
    (incident,) = gov.alerts.list(state="open")
    assert (incident.model, incident.opened_at) == ("stormy_one", AT)
    (told,) = events("stormy_one")
    assert told == {"at": iso(AT), "report": incident.report_id, "incident": incident.id}
    assert events("steady") == []
    page = gov.settings.home / "reports" / "drift" / "stormy_one" / "2022-03-10T140000Z.html"
    assert "stormy_one" in page.read_text()
    (message,) = mail.caught
    assert "stormy_one" in message["Subject"] and message["To"] == "ops@example.com"


def test_a_backfill_gives_what_the_hours_would_have_given(
    declare: Callable[..., Governance], drift_scan: Any
) -> None:
    hours = [AT - number * HOUR for number in (3, 2, 1, 0)]
    live = declare("live", steady=STEADY, stormy_two=STORMY)
    for hour in hours:
        for name in ("steady", "stormy_two"):
            live.drift.scan(name, at=hour)
    later = declare("later", steady=STEADY, stormy_two=STORMY)
    for hour in hours:
        assert scan(drift_scan, hour).state == "success"
    assert reports(later) == reports(live)
    assert len(reports(later)) == 8
    assert [i.id for i in later.alerts.list()] == [i.id for i in live.alerts.list()]


def test_every_task_can_be_cleared_and_run_again_without_effect(
    declare: Callable[..., Governance], drift_scan: Any, mail: MailCatcher
) -> None:
    from airflow.models.taskinstance import clear_task_instances
    from airflow.sdk.definitions.dag import _run_task  # what dag.test() runs one task with
    from airflow.utils.session import create_session

    gov = declare(steady=STEADY, stormy_three=STORMY)
    run = scan(drift_scan)
    before, found = counts(gov), reports(gov)
    for task_id in ("plan", "scan", "request_retraining", "deliver_alerts"):
        index = 0 if task_id == "scan" else -1
        result = run.get_task_instance(task_id, map_index=index).xcom_pull(
            task_ids=task_id, map_indexes=index
        )
        with create_session() as session:
            ti = run.get_task_instance(task_id, session=session, map_index=index)
            clear_task_instances([ti], session, dag_run_state=False)
        ti = run.get_task_instance(task_id, map_index=index)
        assert ti.state is None
        _run_task(ti=ti, task=drift_scan.task_dict[task_id])
        assert run.get_task_instance(task_id, map_index=index).state == "success", task_id
        assert counts(gov) == before, task_id
        assert reports(gov) == found, task_id
        again = ti.xcom_pull(task_ids=task_id, map_indexes=index)
        assert again == ({**result, "sent": 0} if task_id == "deliver_alerts" else result)
    assert len(mail.caught) == 1
    assert gov.audit.verify()


def test_a_model_that_cannot_be_scanned_is_named_and_keeps_none_of_the_others(
    declare: Callable[..., Governance],
    drift_scan: Any,
    mail: MailCatcher,
    capsys: pytest.CaptureFixture[str],
) -> None:
    gov = declare(lost=LOST, steady=STEADY, stormy_four=STORMY)
    run = scan(drift_scan)
    assert run.state == "failed"
    assert states(run) == {
        "plan": "success",
        "scan": "failed",
        "all_scanned": "upstream_failed",
        "request_retraining": "success",
        "deliver_alerts": "success",
    }
    seen = {"lost": "insufficient", "steady": "normal", "stormy_four": "severe"}
    assert severities(gov) == seen, "a source that is away is a look that saw nothing"
    assert [event["at"] for event in events("stormy_four")] == [iso(AT)]
    assert len(mail.caught) == 1
    assert "1 of 3 models could not be scanned: lost: " in "".join(capsys.readouterr())


def test_alerts_wait_for_the_mail_server_and_the_sweeper_sends_them(
    declare: Callable[..., Governance],
    drift_scan: Any,
    load_dags: Callable[[Path], dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as taken:  # bound and not listening: every connection is refused
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_GOVERNANCE", smtp(taken.getsockname()[1]))
        gov = declare(stormy_five=STORMY)
        run = scan(drift_scan)
    assert run.state == "success"
    deliver = run.get_task_instance("deliver_alerts")
    counted = deliver.xcom_pull(task_ids="deliver_alerts")
    assert (counted["sent"], counted["waiting"]) == (0, 1)
    (incident,) = gov.alerts.list(state="open")
    with gov.database.begin() as tx:  # as if the wait before the next attempt were over
        tx.execute(alert_outbox.update().values(next_attempt_at=SINCE))
    with MailCatcher(tmp_path / "mail") as catcher:
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_GOVERNANCE", smtp(catcher.port))
        sweeper = load_dags(ROOT / "dags" / "deliver_alerts.py")["deliver_alerts"]
        assert sweeper.test().state == "success"
        (message,) = catcher.caught
    assert incident.id in message["Message-ID"] or incident.id in str(message)


def test_a_connection_that_cannot_be_used_fails_the_delivery_and_loses_nothing(
    declare: Callable[..., Governance], drift_scan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_GOVERNANCE", '{"conn_type": "http", "host": "x"}')
    gov = declare(stormy_six=STORMY)
    run = scan(drift_scan)
    found = states(run)
    assert found["scan"] == found["request_retraining"] == "success"
    assert found["deliver_alerts"] == "failed" and run.state == "failed"
    with gov.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(incidents)) == 1
        assert connection.scalars(select(alert_outbox.c.state)).all() == ["pending"]


def test_without_a_model_in_production_a_run_succeeds_and_scans_nothing(
    declare: Callable[..., Governance], drift_scan: Any
) -> None:
    gov = declare(steady=STEADY)
    run = scan(drift_scan, SINCE - HOUR)  # nothing was in production then
    assert run.state == "success"
    assert states(run)["scan"] == states(run)["all_scanned"] == "skipped"
    assert reports(gov) == {}


def test_switched_off_it_says_so_and_skips(
    declare: Callable[..., Governance], drift_scan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gov = declare(steady=STEADY)
    monkeypatch.setenv("GOVERNANCE_ENABLE_DRIFT_DETECTION", "false")
    run = scan(drift_scan)
    assert run.state == "success"
    assert states(run)["plan"] == states(run)["scan"] == "skipped"
    assert reports(gov) == {}


@pytest.mark.parametrize("conf", [{"at": "2022-03-10T14:30:00Z"}, {"model": "steady"}])
def test_a_conf_that_asks_for_something_else_fails_the_plan(
    declare: Callable[..., Governance], drift_scan: Any, conf: dict[str, str]
) -> None:
    gov = declare(steady=STEADY)
    run = drift_scan.test(run_conf=conf)
    assert states(run)["plan"] == "failed"
    assert reports(gov) == {}


def test_a_run_by_hand_scans_as_of_the_time_it_is_given(
    declare: Callable[..., Governance], drift_scan: Any
) -> None:
    gov = declare(steady=STEADY)
    assert drift_scan.test(run_conf={"at": iso(AT)}).state == "success"
    assert list(reports(gov)) == [("steady", AT)]


def test_the_nightly_calibration_records_the_measured_rate_beside_the_budget(
    declare: Callable[..., Governance], load_dags: Callable[[Path], dict[str, Any]]
) -> None:
    gov = declare(steady=STEADY, unknown=UNKNOWN)  # too new to be calibrated, which is no failure
    dag = load_dags(ROOT / "dags" / "drift_calibration.py")["drift_calibration"]
    for _ in range(2):
        assert dag.test(run_conf={"at": iso(AT)}).state == "success"
    with gov.database.read() as connection:
        (row,) = connection.execute(select(schema.metadata.tables["drift_calibrations"])).all()
    assert (row.model_name, row.at, row.budget) == ("steady", AT, 1.0)


def test_a_model_that_cannot_be_calibrated_is_named_and_keeps_none_of_the_others(
    declare: Callable[..., Governance],
    load_dags: Callable[[Path], dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    gov = declare(lost=LOST, steady=STEADY)
    dag = load_dags(ROOT / "dags" / "drift_calibration.py")["drift_calibration"]
    assert dag.test(run_conf={"at": iso(AT)}).state == "failed"
    assert "could not be calibrated: lost: " in "".join(capsys.readouterr())
    assert [item.model for item in gov.drift.get_calibrations()] == ["steady"]


def test_what_may_go_away_by_itself_is_tried_again_and_nothing_else() -> None:
    bad, away = LiveDataError("no such bucket"), DatabaseUnavailableError("restarting")
    refused = DriftScanError("2 of 2: a: ..., b: ...", failures={"a": bad, "b": bad})
    assert worth_another_try(refused) is None
    again = worth_another_try(DriftScanError("a: ..., b: ...", failures={"a": bad, "b": away}))
    assert isinstance(again, UnavailableError) and again.message == "a: ..., b: ..."
