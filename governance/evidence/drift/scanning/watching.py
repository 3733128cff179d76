"""What a declaration asks to be watched: columns, calendar, source, for scan and training.

Neighbours: ``governance.config.drift`` (the declaration), ``starting`` and the retrain cycle (make
baselines of it), ``scan``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

from governance.config.drift import DriftDeclaration, FunctionData, ParquetData, SqlData
from governance.config.model import ModelDeclaration
from governance.errors import DriftDisabledError
from governance.evidence.drift.normal.calendar import DayCalendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """
    Attributes:
        features: the watched columns; the prediction, if one is declared, is the last.
        categorical: those of them that are categories although they are numbers.
    """

    model: str
    live: ParquetData | SqlData | FunctionData
    features: tuple[str, ...]
    categorical: tuple[str, ...]
    prediction: str | None
    time_column: str
    calendar: DayCalendar
    retrain_on_drift: Literal["never", "severe"]

    @classmethod
    def of(cls, model: str, declared: ModelDeclaration) -> Self:
        """
        Raises:
            DriftDisabledError: the model declares no ``drift``.
        """
        drift: DriftDeclaration | None = declared.drift
        if drift is None:
            raise DriftDisabledError(
                f"model {model!r} declares no drift detection; add a section drift with its live "
                "data to governance.yaml"
            )
        features = list(dict.fromkeys(drift.features or declared.features.inputs))
        if drift.prediction is not None:
            features = [*(name for name in features if name != drift.prediction), drift.prediction]
        return cls(
            model=model,
            live=drift.live,
            features=tuple(features),
            categorical=drift.categorical,
            prediction=drift.prediction,
            time_column=drift.time_column or declared.time_column,
            calendar=DayCalendar.of(drift.calendar, declared.timezone),
            retrain_on_drift=drift.retrain_on_drift,
        )
