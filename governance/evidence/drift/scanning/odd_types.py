"""Which tables have a column of another kind than most of them: text where the others have numbers.

One hour that was written wrongly must not keep a version from being watched for ever. Pure.
Neighbour: ``starting``, which leaves the days of such hours out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa


def odd_ones(tables: Sequence[pa.Table], columns: Sequence[str]) -> list[int]:
    """Positions of the tables that have one of these columns as another kind than most rows have.

    A column that is absent, or has no values at all, fits to any.

    >>> numbers, text = pa.table({"x": [1.0, 2.0]}), pa.table({"x": ["1.0"]})
    >>> odd_ones([numbers, text, pa.table({"x": [None]}), pa.table({"y": [1]})], ["x"])
    [1]
    """
    odd: set[int] = set()
    for name in columns:
        kinds = [_kind(table, name) for table in tables]
        rows: Counter[str] = Counter()
        for kind, table in zip(kinds, tables, strict=True):
            if kind is not None:
                rows[kind] += table.num_rows
        if len(rows) > 1:
            usual = max(sorted(rows), key=rows.__getitem__)
            odd |= {at for at, kind in enumerate(kinds) if kind not in (None, usual)}
    return sorted(odd)


def _kind(table: pa.Table, name: str) -> str | None:
    at = table.schema.get_field_index(name)
    if at < 0:
        return None
    found = table.schema.field(at).type
    if pa.types.is_dictionary(found):
        found = found.value_type
    if pa.types.is_null(found):
        return None
    if pa.types.is_integer(found) or pa.types.is_floating(found) or pa.types.is_decimal(found):
        return "number"
    if pa.types.is_string(found) or pa.types.is_large_string(found):
        return "text"
    return str(found)
