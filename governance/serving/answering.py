"""From the bytes of a request to the bytes of its answer, for the version that it is given.

Synchronous, and called from any thread: small requests on the event loop, others in a pool. What
was answered goes to the prediction log and to the challengers; neither is waited for.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic_core import to_json

from governance.errors import TooLargeError
from governance.serving.bodies import Form
from governance.serving.columns import of_arrow, of_parquet
from governance.serving.limits import ServingLimits
from governance.serving.loading import Serving
from governance.serving.logged_rows import CHAMPIONS, Logged, hours_of
from governance.serving.predicting import PREDICTION, Scores
from governance.serving.prediction_log import PredictionLog
from governance.serving.rows import Rows, of_json, read_document
from governance.serving.shadows import Shadows

INLINE_BYTES, INLINE_SECONDS = 8192, 0.001
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: ``at`` is the event time of its rows in microseconds, now if it says nothing."""

    serving: Serving
    form: Form
    body: bytes
    request_id: str = ""
    feature_graph: str | None = None
    at: int | None = None
    challengers: Sequence[Serving] = ()

    @property
    def small(self) -> bool:
        """Does answering take less time than handing it to a thread and back?"""
        return (
            self.form is Form.JSON
            and len(self.body) <= INLINE_BYTES
            and self.serving.predictor.seconds <= INLINE_SECONDS
            and not self.serving.order.inputs
        )


@dataclass(frozen=True, slots=True)
class Answer:
    content: bytes
    media_type: str
    headers: dict[str, str]
    rows: int


class Answering:
    def __init__(self, log: PredictionLog, shadows: Shadows, limits: ServingLimits) -> None:
        self._log = log
        self._shadows = shadows
        self._limits = limits

    def __call__(self, asked: Asked) -> Answer:
        """
        Raises:
            InvalidInputError, TooLargeError: rows that cannot be taken, or of too many hours.
            FeatureGraphMismatchError: the request says that it has other features.
        """
        serving = asked.serving
        if asked.feature_graph is not None:
            serving.order.require_same(asked.feature_graph)
        rows, at = self._rows(asked)
        self._check_hours(rows)
        scores = serving.predictor(rows.matrix)
        request_id = asked.request_id
        if not _REQUEST_ID.fullmatch(request_id):
            request_id = secrets.token_hex(8)
        logged = Logged(
            f"{CHAMPIONS}/{serving.version.name}",
            serving,
            rows,
            scores,
            time.time_ns() // 1000 if at is None else at,
            request_id,
        )
        self._log.append(logged, patience=0.0 if asked.small else self._limits.log_seconds)
        if asked.challengers:
            self._shadows.offer(serving.version.name, asked.challengers, logged)
        return _answer(asked, scores, request_id, len(rows.matrix))

    def _check_hours(self, rows: Rows) -> None:
        if rows.times is not None and hours_of(rows.times) > self._limits.max_hours:
            raise TooLargeError(
                f"the rows are of more than {self._limits.max_hours} hours; send them in several "
                "requests, or without their time"
            )

    def _rows(self, asked: Asked) -> tuple[Rows, int | None]:
        order, most = asked.serving.order, self._limits.max_rows
        if asked.form is Form.JSON:
            document = read_document(asked.body, max_rows=most)
            if document.feature_graph is not None:
                order.require_same(document.feature_graph)
            at = asked.at if document.at is None else document.at
            return of_json(document, order), at
        read = of_parquet if asked.form is Form.PARQUET else of_arrow
        limit = self._limits.max_body_bytes
        return read(asked.body, order, max_rows=most, max_bytes=limit), asked.at


def _answer(asked: Asked, scores: Scores, request_id: str, rows: int) -> Answer:
    version, generation = asked.serving.version, asked.serving.generation
    headers = {
        "model-version": version.version,
        "model-generation": str(generation),
        "request-id": request_id,
    }
    if asked.form is not Form.JSON:
        return Answer(_table(scores, asked.form), asked.form.value, headers, rows)
    made: Any = {name: one.tolist() for name, one in scores.items()}
    said = {
        "model": version.name,
        "version": version.version,
        "version_id": version.id,
        "generation": generation,
        "request_id": request_id,
        "predictions": made[PREDICTION] if made.keys() == {PREDICTION} else made,
    }
    return Answer(to_json(said), Form.JSON.value, headers, rows)


def _table(scores: Scores, form: Form) -> bytes:
    """One column for each score; several classes are a list of fixed length."""
    columns = {}
    for name, made in scores.items():
        if made.ndim == 1:
            columns[name] = pa.array(made)
        else:
            flat = pa.array(made.reshape(-1))
            columns[name] = pa.FixedSizeListArray.from_arrays(flat, made.shape[1])
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    if form is Form.PARQUET:
        pq.write_table(table, sink, compression="none")
    else:
        new = pa.ipc.new_file if form is Form.ARROW_FILE else pa.ipc.new_stream
        with new(sink, table.schema) as writer:
            writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data
