"""Many reads profiled side by side: what a full recompute of a reference costs.

Each thread reads one period, profiles it and lets its rows go, so memory holds as many periods as
there are threads. Neighbours: ``profiling`` (one table), ``sources`` (live data, whose ``read`` can
be given to ``profile_reads``). Not promised by ``profile_files``: any look at times; it is for
files whose rows are known to belong to their period.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from governance.errors import LiveDataError
from governance.evidence.drift.profiles.block import ProfileBlock
from governance.evidence.drift.profiles.layout import Layout
from governance.evidence.drift.profiles.profiling import profile_table

Tables: TypeAlias = pa.Table | Sequence[pa.Table]

THREADS = 2


def profile_reads(
    layout: Layout, reads: Iterable[Callable[[], Tables]], *, threads: int = THREADS
) -> Iterator[ProfileBlock]:
    """One block for what each of ``reads`` gives (a table, or several together), in their order.

    What a read raises is raised where its block would have come.

    >>> from governance.evidence.drift.profiles.edges import numeric_edges
    >>> layout = Layout((numeric_edges("x", [1.0] * 60),))
    >>> [block.rows for block in profile_reads(layout, [lambda: pa.table({"x": [1.0, 2.0]})])]
    [2]
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="profile") as pool:
        waiting: deque[Future[ProfileBlock]] = deque()
        try:
            for read in reads:
                waiting.append(pool.submit(_profile, layout, read))
                if len(waiting) > threads:  # never far ahead of who takes the blocks
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for left in waiting:
                left.cancel()


def profile_files(
    layout: Layout,
    groups: Iterable[str | Path | Sequence[str | Path]],
    *,
    filesystem: Any = None,
    threads: int = THREADS,
) -> Iterator[ProfileBlock]:
    """One block for each group of Parquet files, in their order; only watched columns are read.

    Args:
        groups: one path each, or several that belong together (a day's hours).
        filesystem: of pyarrow or fsspec; the local one if not given.

    Raises:
        LiveDataError: a file is missing, cut or no Parquet; it is named.
    """

    def reader(group: str | Path | Sequence[str | Path]) -> Callable[[], Tables]:
        paths = [group] if isinstance(group, str | Path) else list(group)
        return lambda: [_read(path, layout, filesystem) for path in paths]

    return profile_reads(layout, map(reader, groups), threads=threads)


def _profile(layout: Layout, read: Callable[[], Tables]) -> ProfileBlock:
    """Tables of one schema are counted at once; others (a type changed) apart, and added."""
    given = read()
    if isinstance(given, pa.Table):
        return profile_table(layout, given)
    alike: dict[pa.Schema, list[pa.Table]] = {}
    for table in given:
        alike.setdefault(table.schema, []).append(table)
    whole = [  # Arrow forgets the rows of tables without columns
        table
        for tables in alike.values()
        for table in ([pa.concat_tables(tables)] if tables[0].num_columns else tables)
    ]
    return ProfileBlock.sum((profile_table(layout, table) for table in whole), layout)


def _read(path: str | Path, layout: Layout, filesystem: Any) -> pa.Table:
    # Texts stay dictionaries as they lie in the file: each value is then looked up once. What is
    # named here and is no text is read as it is.
    texts = [edges.name for edges in layout.edges if edges.kind == "categorical"]
    try:
        with _opened(path, filesystem, texts) as file:
            names = set(file.schema_arrow.names)
            there = [name for name in layout.features if name in names]
            return file.read(there, use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise LiveDataError(
            f"{path} cannot be read ({error}); write it again, then repeat the scan"
        ) from error


def _opened(path: str | Path, filesystem: Any, texts: list[str]) -> pq.ParquetFile:
    # Collecting the ranges first pays where each read is a request, not on a disk.
    opened = partial(
        pq.ParquetFile, str(path), filesystem=filesystem, pre_buffer=filesystem is not None
    )
    try:
        return opened(read_dictionary=texts)
    except KeyError:  # pyarrow's, of a column that is absent, or not flat
        with opened() as file:
            flat = [name for name in texts if name in file.schema.names]
        return opened(read_dictionary=flat)
