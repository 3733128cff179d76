"""The least that anybody who looks at all rows must do: read the whole table, and nothing else.

Runs with our interpreter in a process of its own, like the contestants.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.peers.comparing import Asked, serve


def compare(asked: Asked) -> list[str]:
    pq.read_table(asked.folder)
    return []


if __name__ == "__main__":
    serve(compare, pa.__version__)
