"""What gates are given: plain values that evidence and registry convert into.

Policy owns these types, so that a stored decision can be replayed without the database it came
from: ``from_json(as_json(x)) == x`` holds for each. A figure that is not finite becomes ``None``
on the way in, since a NaN has no place in a record and must never compare as fine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from governance.errors import InvalidInputError

Mode = Literal["enforce", "observe"]


def finite(value: object) -> float | None:
    """``value`` as a finite float, else ``None``.

    >>> finite(float("nan")) is None, finite(True) is None, finite(2)
    (True, True, 2.0)
    """
    if isinstance(value, bool) or not hasattr(type(value), "__float__"):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]  # checked above
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricLimit:
    """The smallest and largest allowed value (included) of ``metric`` on ``split``."""

    metric: str
    split: str
    min: float | None = None
    max: float | None = None
    mode: Mode = "enforce"

    def __post_init__(self) -> None:
        given = [value for value in (self.min, self.max) if value is not None]
        if not given or any(finite(value) is None for value in given):
            raise InvalidInputError(
                f"the limit on {self.metric!r} needs a finite min, max or both; correct the policy"
            )
        if self.mode not in ("enforce", "observe"):
            raise InvalidInputError(f"mode {self.mode!r} is unknown; use enforce or observe")

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFact:
    """What a fresh interpreter said when it first parsed the artifact."""

    loadable: bool
    code: str = ""
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationFacts:
    """
    Attributes:
        load: verdict of the load probe; ``None`` when it was never run.
        provenance: value of each provenance field by name; ``None`` where it was not recorded.
        metrics: split → metric → value; ``None`` where there is no finite value.
    """

    load: LoadFact | None = None
    provenance: Mapping[str, str | None] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        metrics = {
            split: {name: finite(value) for name, value in values.items()}
            for split, values in self.metrics.items()
        }
        object.__setattr__(self, "metrics", metrics)
        object.__setattr__(self, "provenance", dict(self.provenance))

    def as_json(self) -> dict[str, Any]:
        """
        >>> facts = ValidationFacts(load=LoadFact(loadable=True), metrics={"test": {"auc": 0.7}})
        >>> ValidationFacts.from_json(facts.as_json()) == facts
        True
        """
        return {
            "load": self.load.as_json() if self.load else None,
            "provenance": dict(self.provenance),
            "metrics": {split: dict(values) for split, values in self.metrics.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        load = data.get("load")
        return cls(
            load=LoadFact(**load) if load else None,
            provenance=data.get("provenance") or {},
            metrics=data.get("metrics") or {},
        )
