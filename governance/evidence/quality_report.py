"""What a look at training data found: typed findings, all of them, and the figures beside them.

A report is evidence only; :meth:`QualityReport.raise_for_findings` is the one place that refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from governance.errors import DataQualityError


class FindingCode(StrEnum):
    """What is wrong; programs match on these, so they are added and never renamed."""

    NO_ROWS = "no_rows"
    TOO_FEW_ROWS = "too_few_rows"
    MISSING_COLUMN = "missing_column"
    DUPLICATE_COLUMN = "duplicate_column"
    WRONG_DTYPE = "wrong_dtype"
    MISSING_VALUES = "missing_values"  # more than the share allowed
    ALL_MISSING = "all_missing"
    INFINITE_VALUES = "infinite_values"
    OUT_OF_RANGE = "out_of_range"
    CONSTANT = "constant"
    DUPLICATE_KEY = "duplicate_key"  # two rows with the same declared key
    STALE = "stale"  # the last row is too old
    FUTURE_ROWS = "future_rows"  # not known before the run's time
    NO_LABELS = "no_labels"
    TOO_FEW_LABELS = "too_few_labels"
    LABEL_MISSING = "label_missing"  # more than the share allowed
    LABEL_NOT_FINITE = "label_not_finite"
    ONE_CLASS = "one_class"
    SMALL_CLASS = "small_class"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """
    Attributes:
        column: the column concerned; ``""`` for the whole table.
        observed, limit: the figures compared, as plain JSON.
        message: what is wrong and what to do, in one sentence.
    """

    code: FindingCode
    message: str
    column: str = ""
    observed: float | int | str | None = None
    limit: float | int | str | None = None

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "code": self.code.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityReport:
    """``figures``: rows, first and last time, missing shares and the like, as plain JSON."""

    findings: tuple[Finding, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.findings

    def raise_for_findings(self) -> None:
        """Raises :class:`DataQualityError` with every finding, one a line.

        >>> found = Finding(code=FindingCode.NO_ROWS, message="no rows; look at the source")
        >>> QualityReport(findings=(found,)).raise_for_findings()
        Traceback (most recent call last):
            ...
        governance.errors.DataQualityError: the data must not be trained on:
        - no_rows: no rows; look at the source
        """
        if self.findings:
            lines = [f"- {finding.code}: {finding.message}" for finding in self.findings]
            raise DataQualityError("\n".join(["the data must not be trained on:", *lines]))

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "findings": [finding.as_json() for finding in self.findings],
            "figures": dict(self.figures),
        }
