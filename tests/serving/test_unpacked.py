"""Small bodies that unpack to large ones are refused before they are unpacked."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from governance import Governance
from governance.errors import InvalidInputError, TooLargeError
from governance.serving import ServingLimits, create_app
from governance.serving.columns import of_arrow, of_parquet
from governance.serving.feature_order import FeatureOrder
from governance.serving.unpacked import unpacked_bytes
from tests.serving.conftest import PREDICT, calling, in_production
from tests.serving.test_predict import ARROW, PARQUET, with_graph

LIMITS = ServingLimits(max_rows=1_000_000, max_body_bytes=100_000)
ORDER = FeatureOrder("m:1", ("a", "b"))
CODECS = ("lz4", "zstd")


def packed(table: pa.Table, codec: str | None, *, file: bool = False) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=codec)
    new = pa.ipc.new_file if file else pa.ipc.new_stream
    with new(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def zeros(rows: int) -> pa.Table:
    return pa.table({"a": np.zeros(rows), "b": np.zeros(rows)})


@pytest.fixture
def small(sqlite_gov: Governance) -> Iterator[TestClient]:
    with calling(sqlite_gov, create_app(sqlite_gov, limits=LIMITS, log_interval=60.0)) as client:
        yield client


@pytest.mark.parametrize("file", [False, True], ids=["stream", "file"])
@pytest.mark.parametrize("codec", CODECS)
def test_arrow_that_unpacks_to_too_much(
    sqlite_gov: Governance, small: TestClient, codec: str, file: bool
) -> None:
    in_production(sqlite_gov)
    table = zeros(900_000).rename_columns(["momentum", "volume"])
    body = packed(table, codec, file=file)
    assert len(body) < LIMITS.max_body_bytes
    kind = ARROW.replace("stream", "file") if file else ARROW
    answer = small.post(PREDICT, content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "unpacks to 14400000 bytes" in answer.json()["detail"]
    few = packed(table.slice(0, 10), codec, file=file)
    assert small.post(PREDICT, content=few, headers={"Content-Type": kind}).status_code == 200


@pytest.mark.parametrize("codec", CODECS)
def test_a_body_that_understates_what_it_unpacks_to_is_no_arrow(codec: str) -> None:
    body = packed(zeros(1000), codec)
    assert of_arrow(body, ORDER, max_rows=1000, max_bytes=10_000).matrix.shape == (1000, 2)
    stated = struct.pack("<q", 8000)
    assert body.count(stated) >= 2
    lying = body.replace(stated, struct.pack("<q", 80))
    with pytest.raises(InvalidInputError):
        of_arrow(lying, ORDER, max_rows=1000, max_bytes=10_000)


TABLES: dict[str, Any] = {
    "numbers": zeros(50),
    "nulls": pa.table({"a": pa.nulls(20), "b": pa.array([None] * 20, pa.float64())}),
    "texts": pa.table({"a": ["x" * 100] * 30, "b": ["y"] * 30}),
    "a dictionary": pa.table({"a": pa.array(["x", "y"] * 30).dictionary_encode()}),
    "lists": pa.table({"a": [[1.0, 2.0]] * 9, "b": [{"c": 1}] * 9}),
    "no rows": zeros(0),
}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("name", TABLES)
def test_packed_and_unpacked_bodies_have_one_size(name: str, codec: str) -> None:
    plain = unpacked_bytes(pa.py_buffer(packed(TABLES[name], None)))
    assert unpacked_bytes(pa.py_buffer(packed(TABLES[name], codec))) == plain
    assert plain >= sum(
        buffer.size - 64  # the library may hold more than it sends
        for column in TABLES[name].columns
        for chunk in column.chunks
        for buffer in chunk.buffers()
        if buffer is not None
    )


WHOLE = packed(TABLES["a dictionary"], "zstd")


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=8))
def test_damaged_arrow_is_refused_or_read(changes: list[tuple[int, int]]) -> None:
    body = bytearray(WHOLE)
    for place, value in changes:
        body[place] = value
    with suppress(InvalidInputError):
        of_arrow(bytes(body), ORDER, max_rows=1000, max_bytes=100_000)


def test_a_text_of_a_parquet_file_that_stands_in_every_row(
    sqlite_gov: Governance, small: TestClient
) -> None:
    with_graph(sqlite_gov)
    rows = 10_000
    sink = io.BytesIO()
    table = pa.table({"carrier": ["U" * 1000] * rows, "distance": np.zeros(rows)})
    pq.write_table(table, sink, compression="zstd")
    assert len(sink.getvalue()) < 5000
    answer = small.post(PREDICT, content=sink.getvalue(), headers={"Content-Type": PARQUET})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_columns_that_are_not_the_models_are_not_unpacked() -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": [1.0], "b": [2.0], "c": ["x"]}), sink)
    with pytest.raises(InvalidInputError, match="unknown: c"):
        of_parquet(sink.getvalue(), ORDER, max_rows=10, max_bytes=10_000)


def test_too_many_rows_in_no_bytes_at_all() -> None:
    table = pa.table({"a": pa.nulls(10**6), "b": pa.nulls(10**6)})
    with pytest.raises(TooLargeError, match="1000000 rows"):
        of_arrow(packed(table, None), ORDER, max_rows=1000, max_bytes=10_000)
