"""What training data must satisfy, as a model declares it (``data_quality:`` in
``governance.yaml``).

The checks themselves are in ``governance.evidence.data_quality``. Nothing here has a hidden
default that lets bad data pass: a limit that is not given is either strict (columns, labels,
constant features) or simply not asked (freshness, ranges).
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from governance.config.document import Section
from governance.config.words import Column, Duration

Share = Annotated[float, Field(ge=0, le=1)]
DtypeFamily = Literal["number", "integer", "boolean", "text", "time"]


class Range(Section):
    """Smallest and largest value allowed, both included; one may be left out.

    Attributes:
        min, max: in the units of the column.
    """

    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is above max; exchange them")
        return self


class DataQualityLimits(Section):
    """
    Attributes:
        min_rows: fewest rows, and fewest rows with a label.
        max_missing_share: largest share of missing values in any required column (0 to 1).
        missing_share: other shares for single columns.
        max_age: oldest allowed last row, counted back from the run's time.
        ranges: smallest and largest value of a column.
        dtypes: the family that a column's dtype must belong to.
        unique: columns that together name a row; no two rows may agree in them.
        may_be_constant: columns that may have one single value.
        max_missing_label_share: largest share of rows whose label is not known (0 to 1).
        min_class_share: smallest share of any class among the labels.
    """

    min_rows: int = Field(default=1, ge=1)
    max_missing_share: Share = 0.0
    missing_share: dict[Column, Share] = Field(default_factory=dict)
    max_age: Duration | None = None
    ranges: dict[Column, Range] = Field(default_factory=dict)
    dtypes: dict[Column, DtypeFamily] = Field(default_factory=dict)
    unique: tuple[Column, ...] = ()
    may_be_constant: tuple[Column, ...] = ()
    max_missing_label_share: Share = 0.1
    min_class_share: Share = 0.0
