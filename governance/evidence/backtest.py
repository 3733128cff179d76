"""What a back-test found: figures per fold and over the window, and what they were made with.

Pure values. Made by ``governance.training.backtest``; recorded nowhere. Not promised: that figures
of folds inside the version's own training data say anything new; those folds, and all figures that
count rows of them, are marked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from governance.values import iso


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestWindow:
    """One fold: rows that were measured on, and the rows that its fit learned from before them.

    Attributes:
        overlaps_training: the measured span meets the span that the registered version was trained
            or stopped on; ``None`` where its record does not say.
    """

    name: str
    rows: int
    start: datetime
    end: datetime
    train_rows: int
    train_start: datetime
    train_end: datetime
    overlaps_training: bool | None

    def as_json(self) -> dict[str, Any]:
        return {
            key: iso(value) if isinstance(value, datetime) else value
            for key, value in asdict(self).items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """Digests of a part at registration and now; ``None`` where there is none to read."""

    registered: str | None
    used: str | None

    @property
    def changed(self) -> bool:
        return self.registered != self.used


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """
    Attributes:
        start, end: the window, ``end`` not included. ``end`` is also the evidence cut-off.
        rows: labelled rows in the window. seed: as registered.
        windows: the folds in time order.
        metrics: split → metric → value. Splits are the folds' names and, over the whole window,
            the name that the evaluation of this method has (``out_of_sample`` or ``test``); of a
            bundle also ``<split>.<member>``.
        code: digests of ``label``, ``trainer`` and ``features``, at registration and now.
        warnings: what makes the figures less comparable, in sentences.
    """

    model: str
    version: str
    version_id: str
    start: datetime
    end: datetime
    rows: int
    seed: int
    windows: tuple[BacktestWindow, ...]
    metrics: Mapping[str, Mapping[str, float | None]]
    code: Mapping[str, Used]
    warnings: tuple[str, ...] = ()

    def in_training(self, split: str) -> bool | None:
        """Do the figures of ``split`` count rows that the registered version was trained on?

        Of a fold as its window says; of the whole window if one of its folds does. ``None`` where
        the record does not say.
        """
        name = split.partition(".")[0]
        of_fold = {window.name: window.overlaps_training for window in self.windows}
        marks = [of_fold[name]] if name in of_fold else list(of_fold.values())
        return True if True in marks else None if None in marks else False

    def rows_json(self) -> dict[str, dict[str, Any]]:
        """``metrics``, each split with its mark ``in_training``."""
        return {
            split: {"in_training": self.in_training(split), **values}
            for split, values in self.metrics.items()
        }

    def as_json(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "version": self.version,
            "version_id": self.version_id,
            "start": iso(self.start),
            "end": iso(self.end),
            "rows": self.rows,
            "seed": self.seed,
            "windows": [window.as_json() for window in self.windows],
            "metrics": self.rows_json(),
            "code": {
                name: {"registered": one.registered, "used": one.used, "changed": one.changed}
                for name, one in self.code.items()
            },
            "warnings": list(self.warnings),
        }

    def handover(self) -> dict[str, Any]:
        """What a task tells the next one: the figures over the whole window, not every fold's."""
        whole = {window.name for window in self.windows}
        return {
            "ref": f"{self.model}:{self.version}",
            "version_id": self.version_id,
            "start": iso(self.start),
            "end": iso(self.end),
            "rows": self.rows,
            "folds": len(self.windows),
            "overlaps_training": [w.name for w in self.windows if w.overlaps_training],
            "metrics": {
                split: values
                for split, values in self.rows_json().items()
                if split.partition(".")[0] not in whole and "." not in split
            },
            "warnings": list(self.warnings),
        }
