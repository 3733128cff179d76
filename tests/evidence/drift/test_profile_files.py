"""Many files on two threads give what one table gives, and a bad file is named."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from governance.errors import LiveDataError
from governance.evidence.drift.profiles.block import ProfileBlock
from governance.evidence.drift.profiles.edges import categorical_edges, numeric_edges
from governance.evidence.drift.profiles.layout import Layout
from governance.evidence.drift.profiles.profile import Problem
from governance.evidence.drift.profiles.profile_files import profile_files, profile_reads
from governance.evidence.drift.profiles.profiling import profile_table

LAYOUT = Layout((numeric_edges("x", np.linspace(-3, 3, 900)), categorical_edges("c", ["a", "b"])))


def hour(seed: int, rows: int = 50) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "x": pa.array(rng.normal(size=rows), mask=rng.random(rows) < 0.1),
            "c": rng.choice(["a", "b", "new"], rows).tolist(),
            "unwatched": np.arange(rows),
        }
    )


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{at}.parquet" for at in range(6)]
    for at, path in enumerate(paths):
        pq.write_table(hour(at), path)
    return paths


def test_blocks_come_in_order_and_equal_those_of_the_tables(files: list[Path]) -> None:
    assert list(profile_files(LAYOUT, files)) == [
        profile_table(LAYOUT, hour(at)) for at in range(6)
    ]
    days = list(profile_files(LAYOUT, [files[:4], [str(path) for path in files[4:]]], threads=1))
    assert [day.rows for day in days] == [200, 100]
    assert ProfileBlock.sum(days) == profile_table(
        LAYOUT, pa.concat_tables([hour(at) for at in range(6)])
    )
    assert list(profile_files(LAYOUT, [])) == []
    assert list(profile_files(LAYOUT, [[]])) == [ProfileBlock.empty(LAYOUT)]


def test_a_type_or_a_name_that_changes_within_the_day_is_seen(files: list[Path]) -> None:
    pq.write_table(pa.table({"x": ["text"], "c": [[1]]}), files[1])
    pq.write_table(pa.table({"X": [1.0], "d": [1]}), files[2])
    [day] = profile_files(LAYOUT, [files[:3]])
    assert day.problem.tolist() == [Problem.WRONG_DTYPE] * 2
    assert day.rows == 52 and day.n[1] == 50


@pytest.mark.parametrize("damage", ["cut", "text", "missing"])
def test_a_file_that_cannot_be_read_is_named(files: list[Path], damage: str) -> None:
    if damage == "cut":
        files[3].write_bytes(files[3].read_bytes()[:-20])
    elif damage == "text":
        files[3].write_text("no parquet")
    else:
        files[3].unlink()
    blocks = profile_files(LAYOUT, files)
    assert [next(blocks).rows for _ in range(3)] == [50] * 3
    with pytest.raises(LiveDataError, match=r"3\.parquet cannot be read"):
        next(blocks)


def test_reads_never_run_far_ahead_of_who_takes_the_blocks() -> None:
    begun: list[int] = []

    def read(at: int) -> pa.Table:
        begun.append(at)
        return hour(at)

    blocks = profile_reads(LAYOUT, (partial(read, at) for at in range(100)), threads=2)
    assert next(blocks) == profile_table(LAYOUT, hour(0))
    blocks.close()  # type: ignore[attr-defined]
    assert len(begun) <= 4
