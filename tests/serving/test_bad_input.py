"""Bodies that nobody should send: each has a clean answer, and the next request is answered."""

from __future__ import annotations

import io
import json
import socket
import struct
import threading
from collections.abc import Iterator

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from governance import Governance
from governance.serving import ServingLimits, create_app
from tests.serving.conftest import PREDICT, Running, calling, in_production, token, until
from tests.serving.test_predict import ARROW, PARQUET, arrow

GOOD = {"rows": [[20, 0]]}
SMALL = ServingLimits(
    max_rows=1000, max_json_bytes=100_000, max_body_bytes=200_000, body_seconds=0.5
)


@pytest.fixture
def small(sqlite_gov: Governance) -> Iterator[TestClient]:
    in_production(sqlite_gov)
    with calling(sqlite_gov, create_app(sqlite_gov, limits=SMALL, log_interval=60.0)) as client:
        yield client
        assert client.post(PREDICT, json=GOOD).json()["predictions"] == [10.0]


BAD_JSON = {
    "nan": b'{"rows": [[NaN, 1]]}',
    "infinity": b'{"rows": [[Infinity, 1]]}',
    "too large a number": b'{"rows": [[1e999, 1]]}',
    "too large an integer": b'{"rows": [[1' + b"0" * 400 + b", 1]]}",
    "deep": b'{"rows": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "deep objects": b'{"a":' * 10_000,
    "not utf-8": b'{"rows": [["\xff", 1]]}',
    "half a surrogate": b'{"rows": [["\\ud800", 1]]}',
    "nothing": b"",
    "a list": b"[]",
    "no rows": b'{"rows": []}',
    "rows is no list": b'{"rows": {"momentum": 1}}',
    "text": b'{"rows": [["20", 1]]}',
    "nested": b'{"rows": [[[1], 2]]}',
    "nested object": b'{"rows": [{"momentum": {"a": 1}, "volume": 1}]}',
    "rows of rows": b'{"rows": [1, 2]}',
    "mixed rows": b'{"rows": [[1, 2], {"momentum": 1, "volume": 2}]}',
    "short row": b'{"rows": [[1, 2], [1]]}',
    "long row": b'{"rows": [[1, 2, 3]]}',
    "missing column": b'{"rows": [{"momentum": 1}]}',
    "unknown column": b'{"rows": [{"momentum": 1, "volume": 2, "\\u0000": 3}]}',
    "another row's columns": b'{"rows": [{"momentum": 1, "volume": 2}, {"volume": 2}]}',
    "unknown key": b'{"rows": [[1, 2]], "model": "other"}',
    "columns twice": b'{"columns": ["momentum", "momentum"], "rows": [[1, 2]]}',
    "columns are numbers": b'{"columns": [1, 2], "rows": [[1, 2]]}',
    "columns of objects": b'{"columns": ["momentum"], "rows": [{"momentum": 1, "volume": 2}]}',
    "no time": b'{"rows": [[1, 2]], "at": "yesterday"}',
    "time is a number": b'{"rows": [[1, 2]], "at": 5}',
    "a time before times": b'{"rows": [[1, 2]], "at": "0001-01-01T00:00:00Z"}',
    "row time": b'{"rows": [{"momentum": 1, "volume": 2, "time": null}]}',
}


@pytest.mark.parametrize("body", BAD_JSON.values(), ids=BAD_JSON.keys())
def test_json_that_cannot_be_taken_is_refused_with_a_reason(small: TestClient, body: bytes) -> None:
    answer = small.post(PREDICT, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "invalid_input"
    assert len(answer.json()["detail"]) > 10


def test_the_reason_names_the_row_and_the_column(small: TestClient) -> None:
    answer = small.post(PREDICT, json={"rows": [[1, 2], [3, "x"]]})
    assert "row 1: volume is str" in answer.json()["detail"]


def test_a_feature_graph_that_is_none(small: TestClient) -> None:
    answer = small.post(PREDICT, json={**GOOD, "feature_graph": ["momentum", "volume"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "feature_graph_mismatch")


@pytest.mark.parametrize("kind", ["", "text/plain", "application/xml", "application/jsonx", "ü"])
def test_a_content_type_that_is_not_read(small: TestClient, kind: str) -> None:
    answer = small.post(PREDICT, content=b"{}", headers={"Content-Type": kind.encode()})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_a_content_type_may_have_parameters(small: TestClient) -> None:
    answer = small.post(
        PREDICT,
        content=json.dumps(GOOD),
        headers={"Content-Type": "Application/JSON; charset=utf-8"},
    )
    assert answer.status_code == 200


def test_too_many_bytes_and_too_many_rows(small: TestClient) -> None:
    long = small.post(PREDICT, content=b" " * 100_001, headers={"Content-Type": "application/json"})
    streamed = small.post(
        PREDICT,
        content=(b" " * 60_000 for _ in range(2)),
        headers={"Content-Type": "application/json"},
    )
    rows = small.post(PREDICT, json={"rows": [[1, 2]] * 1001})
    table = pa.table({"momentum": [1.0] * 1001, "volume": [1.0] * 1001})
    for answer in (
        long,
        streamed,
        rows,
        small.post(PREDICT, content=arrow(table), headers={"Content-Type": ARROW}),
        small.post(PREDICT, content=arrow(table, PARQUET), headers={"Content-Type": PARQUET}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


BAD_TABLES = {
    "text": pa.table({"momentum": ["a"], "volume": [1.0]}),
    "infinite": pa.table({"momentum": [float("inf")], "volume": [1.0]}),
    "twice": pa.table([[1.0], [1.0], [1.0]], names=["momentum", "volume", "volume"]),
    "missing": pa.table({"momentum": [1.0]}),
    "unknown": pa.table({"momentum": [1.0], "volume": [1.0], "label": [0]}),
    "nested": pa.table({"momentum": [[1.0]], "volume": [1.0]}),
    "no rows": pa.table({"momentum": pa.array([], pa.float64()), "volume": pa.array([], "int8")}),
    "naive time": pa.table(
        {"momentum": [1.0], "volume": [1.0], "time": pa.array([0], pa.timestamp("us"))}
    ),
    "missing time": pa.table(
        {"momentum": [1.0], "volume": [1.0], "time": pa.array([None], pa.timestamp("us", "UTC"))}
    ),
    "an early time": pa.table(
        {"momentum": [1.0], "volume": [1.0], "time": pa.array([-1], pa.timestamp("s", "UTC"))}
    ),
    "a late time": pa.table(
        {"momentum": [1.0], "volume": [1.0], "time": pa.array([2**62], pa.timestamp("s", "UTC"))}
    ),
}


@pytest.mark.parametrize("form", [ARROW, PARQUET])
@pytest.mark.parametrize("table", BAD_TABLES.values(), ids=BAD_TABLES.keys())
def test_tables_that_cannot_be_taken(small: TestClient, table: pa.Table, form: str) -> None:
    try:
        body = arrow(table, form)
    except (pa.ArrowException, ValueError):
        pytest.skip("this form cannot hold it")
    answer = small.post(PREDICT, content=body, headers={"Content-Type": form})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


@settings(max_examples=60)
@given(data=st.data())
@pytest.mark.parametrize("form", [ARROW, PARQUET])
def test_damaged_tables_are_refused_or_answered(
    small: TestClient, form: str, data: st.DataObject
) -> None:
    table = pa.table({"momentum": [1.0, 2.0], "volume": [3, None]})
    body = bytearray(arrow(table, form))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    answer = small.post(PREDICT, content=bytes(body[:cut]), headers={"Content-Type": form})
    assert answer.status_code in (200, 413, 422)


def test_a_file_that_unpacks_to_too_much(sqlite_gov: Governance, small: TestClient) -> None:
    column = pa.array([7.0] * 900)
    table = pa.table({"momentum": column, "volume": column} | {f"x{i}": column for i in range(400)})
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", use_dictionary=False)
    assert len(sink.getvalue()) < SMALL.max_body_bytes
    answer = small.post(PREDICT, content=sink.getvalue(), headers={"Content-Type": PARQUET})
    assert answer.status_code == 413


def test_slow_lying_and_vanishing_clients(sqlite_gov: Governance) -> None:
    in_production(sqlite_gov)
    headers = token(sqlite_gov)
    app = create_app(sqlite_gov, limits=SMALL)
    head = (
        f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: {headers['Authorization']}\r\nContent-Length: 50\r\n\r\n"
    ).encode()
    with Running(app) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as slow:
            slow.sendall(head + b'{"rows":')  # and no more
            assert b" 408 " in slow.recv(4096)
        for _ in range(20):  # gone before, or while, the body is read
            with socket.create_connection(("127.0.0.1", server.port)) as gone:
                gone.sendall(head + b"{")
                gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with httpx.Client(base_url=server.url, headers=headers) as client:
            assert client.post(PREDICT, json=GOOD).status_code == 200
        assert app.state.desk.bodies.held == 0


def lasting_threads() -> int:
    """But for the one that looks at the challengers now and then."""
    return sum(one.name != "challengers" for one in threading.enumerate())


def test_callers_who_go_before_their_answer_leave_nothing_behind(sqlite_gov: Governance) -> None:
    in_production(sqlite_gov)
    headers = token(sqlite_gov)
    app = create_app(sqlite_gov, log_interval=60.0)
    body = arrow(pa.table({"momentum": [20.0] * 50_000, "volume": [0.0] * 50_000}))
    head = (
        f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Type: {ARROW}\r\n"
        f"Authorization: {headers['Authorization']}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    desk = app.state.desk
    with Running(app) as server:
        with httpx.Client(base_url=server.url, headers=headers) as client:
            kind = {"Content-Type": ARROW}
            assert client.post(PREDICT, content=body, headers=kind).status_code == 200
            threads = lasting_threads()
            for cut in (len(body) // 2, len(body)) * 5:  # while it is read, while it is computed
                with socket.create_connection(("127.0.0.1", server.port)) as gone:
                    gone.sendall(head + body[:cut])
                    gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            until(lambda: desk.bodies.held == 0 and desk._waiting == 0)
            assert client.post(PREDICT, json=GOOD).status_code == 200
        assert lasting_threads() <= threads + 1  # a pool may still have had room for one
        status = desk.log.as_json()
        # What was computed is whole: each request's rows, or none of them.
        assert (status["waiting_rows"] + status["written_rows"] - 1) % 50_000 == 0
    kept = list((sqlite_gov.settings.home / "predictions").rglob("*.parquet"))
    assert kept and sum(pq.read_metadata(one).num_rows for one in kept) % 50_000 == 1
