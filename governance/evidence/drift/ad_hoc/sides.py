"""One column of one table, read as what it can be compared as. Pure.

Whatever a column holds, reading it does not raise: what cannot be counted (times, complex numbers,
lists, a mixture of types) is of the family ``none``. Neighbours: ``columns`` knows the types,
``two_samples`` compares two sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.types as kinds

from governance.errors import InvalidEvidenceError
from governance.evidence.drift.profiles.columns import as_arrow, as_numbers, text_counts
from governance.evidence.drift.statistics.shares import FloatArray

Family = Literal["number", "text", "boolean", "none"]


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """
    Attributes:
        rows: of the table.
        family: what its values are; ``none``: nothing that can be counted.
        described: its type, for messages.
        categories: is it of a type that names categories?
        missing, infinite: numbers of values.
        numbers: the finite values in ascending order; empty for other families.
    """

    rows: int
    family: Family
    described: str
    categories: bool
    missing: int
    infinite: int
    numbers: FloatArray
    column: Any

    @property
    def missing_share(self) -> float | None:
        return self.missing / self.rows if self.rows else None

    @property
    def all_missing(self) -> bool:
        return self.rows > 0 and self.missing == self.rows

    def counts(self) -> pd.Series[int]:
        """Rows of each category, by its text, in order of the text."""
        read = text_counts(self.column)
        if read is None:
            return pd.Series(dtype="int64")
        texts, counts, _ = read
        series = pd.Series(counts, index=pd.Index(texts.to_pylist(), dtype=object))
        return series.groupby(level=0).sum()


def read_side(column: pd.Series[Any]) -> Side:
    """
    >>> side = read_side(pd.Series([2.0, np.nan, np.inf, 1.0]))
    >>> side.family, side.missing, side.infinite, side.numbers.tolist()
    ('number', 1, 1, [1.0, 2.0])
    >>> read_side(pd.Series([1, "a"], dtype=object)).family
    'none'
    """
    described = str(column.dtype)
    try:
        arrow = as_arrow(str(column.name), column)
        family, numbers = _family(arrow.type), None
        if family == "number":
            numbers = as_numbers(arrow)
    except (InvalidEvidenceError, pa.ArrowException, ArithmeticError, TypeError, ValueError):
        return _uncountable(column, f"{described} of mixed or other types")
    if numbers is None:
        missing = int(arrow.null_count)
        return Side(
            rows=len(column),
            family=family,
            described=described,
            categories=family != "none",
            missing=missing,
            infinite=0,
            numbers=np.zeros(0),
            column=arrow,
        )
    infinite = int(np.isinf(numbers).sum())
    return Side(
        rows=len(column),
        family=family,
        described=described,
        categories=bool(kinds.is_dictionary(arrow.type)),
        missing=int(np.isnan(numbers).sum()),
        infinite=infinite,
        numbers=np.sort(numbers[np.isfinite(numbers)]),
        column=arrow,
    )


def _family(kind: pa.DataType) -> Family:
    if kinds.is_dictionary(kind):
        kind = kind.value_type
    if kinds.is_boolean(kind):
        return "boolean"
    if kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind):
        return "text"
    if kinds.is_null(kind) or kinds.is_integer(kind) or kinds.is_floating(kind):
        return "number"
    return "number" if kinds.is_decimal(kind) else "none"


def _uncountable(column: pd.Series[Any], described: str) -> Side:
    return Side(
        rows=len(column),
        family="none",
        described=described,
        categories=False,
        missing=int(np.asarray(column.isna(), dtype=bool).sum()),
        infinite=0,
        numbers=np.zeros(0),
        column=None,
    )
