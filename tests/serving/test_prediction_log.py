"""The prediction log: read by the drift source, lost rows are counted, requests never wait."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from governance import Governance
from governance.errors import StorageFullError
from governance.evidence.drift.sources.live import LiveStatus
from governance.evidence.drift.sources.open import open_source
from governance.evidence.drift.sources.parquet import ParquetSource
from governance.serving import create_app
from governance.serving.limits import ServingLimits
from governance.serving.prediction_log import LAYOUT, PredictionLog
from governance.serving.row_counter import RowCounter, dead_writers
from tests.serving.conftest import PREDICT, STATUS, calling, in_production, until
from tests.serving.test_champion import declare, graph
from tests.serving.test_predict import ARROW, arrow, with_graph
from tests.versions import NAME

HOUR = datetime(2013, 2, 8, 18, tzinfo=UTC)
AT = {"at": "2013-02-08T18:30:00Z"}


def source(gov: Governance, name: str = NAME) -> ParquetSource:
    folder = gov.settings.home / "predictions" / "champions" / name
    return ParquetSource(str(folder), layout=LAYOUT, time_column="time")


def log_of(client: TestClient) -> PredictionLog:
    log: PredictionLog = client.app.state.desk.log  # type: ignore[attr-defined]
    return log


def test_the_drift_source_reads_what_was_asked_and_answered(
    sqlite_gov: Governance, client: TestClient
) -> None:
    version = in_production(sqlite_gov)
    client.post(PREDICT, json={"rows": [[20, 3], [1, None]], **AT}, headers={"Request-Id": "a"})
    times = pa.array([HOUR, HOUR + timedelta(hours=1)], pa.timestamp("us", "UTC"))
    table = pa.table({"momentum": [5, 30], "volume": [7.0, 8.0], "time": times})
    client.post(PREDICT, content=arrow(table), headers={"Content-Type": ARROW})
    assert log_of(client).flush()
    columns = ["momentum", "volume", "prediction", "governance_version", "governance_request"]
    first = source(sqlite_gov).read(HOUR, HOUR + timedelta(hours=1), columns)
    assert (first.status, first.problem, first.outside) == (LiveStatus.OK, None, 0)
    assert first.table is not None
    rows = first.table.to_pylist()
    assert [row["time"] for row in rows] == [HOUR, *[HOUR + timedelta(minutes=30)] * 2]
    assert [row["momentum"] for row in rows] == [5.0, 20.0, 1.0]
    assert [row["volume"] for row in rows] == [7.0, 3.0, None]
    assert [row["prediction"] for row in rows] == [9.0, 10.0, 9.0]
    assert {row["governance_version"] for row in rows} == {version.version}
    assert rows[1]["governance_request"] == "a"
    second = source(sqlite_gov).read(HOUR + timedelta(hours=1), HOUR + timedelta(hours=2), columns)
    assert second.rows == 1


def test_raw_columns_are_kept_beside_the_features(
    sqlite_gov: Governance, client: TestClient
) -> None:
    with_graph(sqlite_gov)
    client.post(PREDICT, json={"rows": [{"carrier": "UA", "distance": 10}], **AT})
    log_of(client).flush()
    found = source(sqlite_gov).read(
        HOUR, HOUR + timedelta(hours=1), ["carrier", "distance", "carrier_code"]
    )
    assert found.table is not None
    [row] = found.table.to_pylist()
    assert (row["carrier"], row["distance"], row["carrier_code"]) == ("UA", 10.0, 1.0)


def test_an_hour_has_few_files_and_each_batch_replaces_its_file_whole(
    sqlite_gov: Governance, client: TestClient
) -> None:
    in_production(sqlite_gov)
    for number in range(5):
        client.post(PREDICT, json={"rows": [[number, 0]], **AT})
        log_of(client).flush()
    [path] = (sqlite_gov.settings.home / "predictions").rglob("*.parquet")
    assert path.parent.name == "hour=18"
    found = source(sqlite_gov).read(HOUR, HOUR + timedelta(hours=1), ["momentum"])
    assert found.table is not None
    assert found.table.column("momentum").to_pylist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_rows_are_written_without_being_asked(sqlite_gov: Governance) -> None:
    in_production(sqlite_gov)
    with calling(sqlite_gov, create_app(sqlite_gov, log_interval=0.05)) as client:
        client.post(PREDICT, json={"rows": [[1, 2]]})
        until(lambda: log_of(client).as_json()["written_rows"] == 1)
        client.post(PREDICT, json={"rows": [[1, 2]] * 1500})  # a batch by itself
        until(lambda: log_of(client).as_json()["written_rows"] == 1501)


def test_the_end_of_the_server_writes_the_rest_and_leaves_no_counter(
    sqlite_gov: Governance,
) -> None:
    in_production(sqlite_gov)
    with calling(sqlite_gov, create_app(sqlite_gov, log_interval=60.0)) as client:
        client.post(PREDICT, json={"rows": [[1, 2]], **AT})
    assert source(sqlite_gov).read(HOUR, HOUR + timedelta(hours=1), ["momentum"]).rows == 1
    assert not list((sqlite_gov.settings.home / "predictions" / "writers").iterdir())


KILLED = """
    import os, signal, sys
    from fastapi.testclient import TestClient
    from governance import Governance
    from governance.serving import create_app
    from tests.serving.conftest import PREDICT, token
    gov = Governance.open(home=sys.argv[1], database=sys.argv[2])
    app = create_app(gov, log_interval=60.0)
    client = TestClient(app, headers=token(gov))
    assert client.post(PREDICT, json={"rows": [[1, 2]] * 5}).status_code == 200
    assert app.state.desk.log.flush()
    assert client.post(PREDICT, json={"rows": [[1, 2]] * 7}).status_code == 200
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_server_loses_one_batch_and_the_next_says_how_many_rows(
    sqlite_gov: Governance, sqlite_url: str
) -> None:
    in_production(sqlite_gov)
    root = Path(__file__).resolve().parents[2]
    python = (sys.executable, "-W", "ignore", "-c")
    ended = subprocess.run(
        [*python, textwrap.dedent(KILLED), str(sqlite_gov.settings.home), sqlite_url],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        check=False,
        timeout=120,
        capture_output=True,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    app = create_app(sqlite_gov)
    with calling(sqlite_gov, app) as client:
        app.state.desk.recover()
        assert client.get(STATUS).json()["prediction_log"]["lost_rows"] == 7
    last = list(sqlite_gov.audit.entries(action="predictions.lost"))
    assert [entry.details for entry in last] == [{"rows": 7}]
    again = create_app(sqlite_gov).state.desk
    again.recover()
    assert again.log.lost_rows == 0
    assert len(list((sqlite_gov.settings.home / "predictions").rglob("*.parquet"))) == 1


def test_a_full_disk_makes_rows_wait_then_they_are_written(
    sqlite_gov: Governance, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_production(sqlite_gov)

    def full(path: Path, data: bytes) -> None:
        raise StorageFullError("no space left")

    monkeypatch.setattr("governance.serving.prediction_log.write_atomic", full)
    assert client.post(PREDICT, json={"rows": [[1, 2]], **AT}).status_code == 200
    assert not log_of(client).flush()
    told = client.get(STATUS).json()["prediction_log"]
    assert (told["waiting_rows"], told["problem"]) == (1, "no space left")
    monkeypatch.undo()
    assert log_of(client).flush()
    told = client.get(STATUS).json()["prediction_log"]
    assert (told["waiting_rows"], told["written_rows"], told["problem"]) == (0, 1, None)


def test_what_does_not_fit_into_memory_is_dropped_and_counted(
    sqlite_gov: Governance, client: TestClient
) -> None:
    in_production(sqlite_gov)
    log_of(client)._most_cells = 10
    for _ in range(2):
        assert client.post(PREDICT, json={"rows": [[1, 2]] * 3}).status_code == 200
    told = client.get(STATUS).json()["prediction_log"]
    assert (told["waiting_rows"], told["dropped_rows"]) == (3, 3)


def test_the_log_uses_the_names_of_the_drift_section(sqlite_gov: Governance) -> None:
    declare(sqlite_gov, "momentum", "volume")
    path = sqlite_gov.settings.config_path
    live = sqlite_gov.settings.home / "predictions" / "champions" / NAME
    drift = {
        "live": {"kind": "parquet", "path": str(live)},
        "time_column": "seen_at",
        "prediction": "score",
    }
    path.write_text(f"{path.read_text()}    drift: {json.dumps(drift)}\n")
    in_production(sqlite_gov, features=graph("momentum", "volume"))
    with calling(sqlite_gov, create_app(sqlite_gov)) as client:
        assert client.post(PREDICT, json={"rows": [[20, 2]], **AT}).status_code == 200
    declared = sqlite_gov.config.models[NAME].drift
    assert declared is not None
    opened = open_source(declared.live, time_column="seen_at", environment={})
    found = opened.read(HOUR, HOUR + timedelta(hours=1), ["momentum", "volume", "score"])
    assert found.table is not None
    assert found.table.column("score").to_pylist() == [10.0]


def test_a_counter_of_a_living_writer_is_left_alone(tmp_path: Path) -> None:
    living, dead = RowCounter(tmp_path, "living"), RowCounter(tmp_path, "dead")
    living.count(taken=9, written=1)
    dead.count(taken=9, written=5, dropped=1)
    dead.close(clean=False)
    assert list(dead_writers(tmp_path)) == [("dead", 3)]
    assert list(dead_writers(tmp_path)) == []
    living.close(clean=True)
    assert not list(tmp_path.iterdir())


def test_ten_thousand_rows_come_back_as_they_were(
    sqlite_gov: Governance, client: TestClient
) -> None:
    in_production(sqlite_gov)
    random = np.random.default_rng(5)
    values = random.normal(size=(10_000, 2))
    table = pa.table({"momentum": values[:, 0], "volume": values[:, 1]})
    answer = client.post(
        f"{PREDICT}?at={AT['at']}", content=arrow(table), headers={"Content-Type": ARROW}
    )
    assert answer.status_code == 200
    log_of(client).flush()
    found = source(sqlite_gov).read(HOUR, HOUR + timedelta(hours=1), ["momentum", "volume"])
    assert found.table is not None
    made = np.column_stack([found.table.column(name) for name in ("momentum", "volume")])
    assert np.array_equal(made, values)


def test_a_missing_text_leaves_its_hour_readable(
    sqlite_gov: Governance, client: TestClient
) -> None:
    with_graph(sqlite_gov)
    for carrier in (None, "UA", None):  # a request each: nothing else in it says what it is
        client.post(PREDICT, json={"rows": [{"carrier": carrier, "distance": 10}], **AT})
        assert log_of(client).flush()
    for kind in (pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())):
        table = pa.table({"carrier": pa.array(["AA"], kind), "distance": [None], "time": [HOUR]})
        answer = client.post(PREDICT, content=arrow(table), headers={"Content-Type": ARROW})
        assert answer.status_code == 200
    assert log_of(client).flush()
    found = source(sqlite_gov).read(HOUR, HOUR + timedelta(hours=1), ["carrier", "distance"])
    assert (found.status, found.problem) == (LiveStatus.OK, None)
    assert found.table is not None
    rows = sorted((str(one["carrier"]), one["distance"]) for one in found.table.to_pylist())
    assert rows == [*[("AA", None)] * 3, ("None", 10.0), ("None", 10.0), ("UA", 10.0)]
    # What came before any text is a file of its own; all that came later is one.
    assert len(list((sqlite_gov.settings.home / "predictions").rglob("*.parquet"))) == 2


def test_the_last_microsecond_of_time_is_logged(sqlite_gov: Governance, client: TestClient) -> None:
    in_production(sqlite_gov)
    last = "9999-12-31T23:59:59.999999Z"
    assert client.post(PREDICT, json={"rows": [[1, 2]], "at": last}).status_code == 200
    assert log_of(client).flush()
    [path] = (sqlite_gov.settings.home / "predictions").rglob("*.parquet")
    assert path.parent.parent.name == "date=9999-12-31"
    assert log_of(client).as_json()["dropped_rows"] == 0


def test_rows_of_too_many_hours_are_refused(sqlite_gov: Governance) -> None:
    in_production(sqlite_gov)
    app = create_app(sqlite_gov, log_interval=60.0, limits=ServingLimits(max_hours=3))
    with calling(sqlite_gov, app) as client:
        for hours, status in ((3, 200), (4, 413)):
            times = [HOUR + timedelta(hours=n % hours) for n in range(8)]
            table = pa.table({"momentum": [1.0] * 8, "volume": list(range(8)), "time": times})
            answer = client.post(PREDICT, content=arrow(table), headers={"Content-Type": ARROW})
            assert answer.status_code == status, answer.text
        assert "hours" in answer.json()["detail"]
        assert log_of(client).flush()
    found = source(sqlite_gov).read(HOUR, HOUR + timedelta(hours=3), ["volume"])
    assert found.table is not None
    assert found.table.column("volume").to_pylist() == [0, 3, 6, 1, 4, 7, 2, 5]


def test_rows_that_are_written_are_written_once_although_the_counter_is_not_synced(
    sqlite_gov: Governance, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_production(sqlite_gov)
    client.post(PREDICT, json={"rows": [[1, 2]], **AT})

    def full(_: RowCounter) -> None:
        raise StorageFullError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(RowCounter, "sync", full)
        log_of(client).flush()
    assert log_of(client).flush()
    assert source(sqlite_gov).read(HOUR, HOUR + timedelta(hours=1), ["momentum"]).rows == 1


def test_rows_that_cannot_even_be_counted_are_told_as_dropped(
    sqlite_gov: Governance, client: TestClient
) -> None:
    in_production(sqlite_gov)
    (sqlite_gov.settings.home / "predictions").write_text("a file where the folder belongs")
    assert client.post(PREDICT, json={"rows": [[1, 2]] * 3}).status_code == 200
    told = client.get(STATUS).json()["prediction_log"]
    assert told["dropped_rows"] == 3 and told["problem"]
    (sqlite_gov.settings.home / "predictions").unlink()
    assert client.post(PREDICT, json={"rows": [[1, 2]]}).status_code == 200
    assert log_of(client).flush()
    told = client.get(STATUS).json()["prediction_log"]
    assert (told["dropped_rows"], told["written_rows"]) == (3, 1)


def test_a_disk_that_was_too_full_for_the_counter_is_used_once_there_is_room(
    sqlite_gov: Governance, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_production(sqlite_gov)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no space")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        assert client.post(PREDICT, json={"rows": [[1, 2]], **AT}).status_code == 200
    assert log_of(client).as_json()["dropped_rows"] == 1
    assert client.post(PREDICT, json={"rows": [[1, 2]], **AT}).status_code == 200
    assert log_of(client).flush()
    assert log_of(client).as_json()["written_rows"] == 1
    assert len(list((sqlite_gov.settings.home / "predictions" / "writers").iterdir())) == 1
