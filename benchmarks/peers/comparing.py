"""What the drift peers share: the two windows as data frames, and the answer to one question.

Each peer's script stands beside this file and runs in the peer's own environment; nothing of ours
is imported. A process compares once and ends. What a comparison is given are folders of Parquet, so
that reading is part of it, as it is for users.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from benchmarks.harness.memory import peak_mib


@dataclass(frozen=True)
class Asked:
    """
    Attributes:
        folder: Parquet by ``date=`` and ``hour=``.
        day: ISO date of the current window; the days before it are the reference.
        time: column of the event time.
        numeric, categorical: names of the columns to compare.
    """

    folder: str
    day: str
    time: str
    numeric: list[str]
    categorical: list[str]

    @property
    def features(self) -> list[str]:
        return [*self.numeric, *self.categorical]

    def read(self, relation: str, columns: list[str]) -> pd.DataFrame:
        """The rows whose date stands in ``relation`` (``<`` or ``==``) to the day."""
        where = [("date", relation, self.day)]
        found: pd.DataFrame = pq.read_table(self.folder, columns=columns, filters=where).to_pandas()
        return found

    def windows(self, *more: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Reference and current window."""
        columns = [*self.features, *more]
        return self.read("<", columns), self.read("==", columns)


def serve(compare: Callable[[Asked], list[str]], version: str) -> None:
    """Answer one question from standard input: how long, how much memory, which features drifted.

    The clock runs around ``compare`` alone: neither the interpreter's start nor the imports count.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever the peer prints must not stand among the answers
    asked: dict[str, Any] = json.loads(sys.stdin.readline())
    asked.pop("do")
    question = Asked(**asked)
    started = time.perf_counter()
    drifted = compare(question)
    seconds = time.perf_counter() - started
    answer = {"seconds": seconds, "peak_mib": peak_mib(), "version": version, "drifted": drifted}
    print(json.dumps(answer), file=answers, flush=True)
