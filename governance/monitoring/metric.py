"""One figure for Prometheus, as it is declared: its name, its kind, its labels, what it says. Pure.

Neighbour: ``catalog`` declares them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["gauge", "counter", "histogram", "info"]
Page = Literal["management", "serving"]


@dataclass(frozen=True, slots=True)
class Metric:
    """
    Attributes:
        name: of the sample; a counter's ends with ``_total``, an info's with ``_info``.
        labels: their names, in the order in which values are given.
        says: the HELP text.
        unit: base unit at the end of the name; empty where it counts things or is a ratio.
    """

    name: str
    kind: Kind
    page: Page
    says: str
    labels: tuple[str, ...] = ()
    unit: str = ""

    @property
    def samples(self) -> tuple[str, ...]:
        """Names under which Prometheus stores it.

        >>> Metric("a_seconds", "histogram", "serving", "It.", unit="seconds").samples
        ('a_seconds_bucket', 'a_seconds_sum', 'a_seconds_count')
        """
        if self.kind == "histogram":
            return tuple(f"{self.name}_{end}" for end in ("bucket", "sum", "count"))
        return (self.name,)
