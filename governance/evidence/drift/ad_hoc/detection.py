"""What an ad-hoc comparison says of one feature. A value; ``ad_hoc`` makes it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from governance.policy.drift.facts import Finding
from governance.values import Severity

Method = Literal["ks_test", "psi", "chi_square"]
METHODS: tuple[Method, ...] = ("ks_test", "psi", "chi_square")


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """One feature of two tables. A figure that does not exist is ``None``, never NaN.

    Attributes:
        method: what ``score`` is: ``ks_test`` the KS distance, ``psi`` the PSI, ``chi_square`` the
            total variation distance, whose significance is the chi-square test's. Text and boolean
            columns are compared by ``chi_square`` where ``ks_test`` was asked for.
        expected: what the score is on average without drift, at these numbers of rows; ``None``
            for KS, where the threshold is held against the score itself.
        threshold: what score - expected must exceed for an alert.
        p_value: of the method's test for independent rows; q_value: over all features of the call
            (Benjamini-Hochberg).
        is_alert: true for SHIFTED features, and wherever the data themselves are moderately or
            severely wrong.
        reason: why, for people.
        missing_share, reference_missing_share: of all rows, 0 to 1.
        new_share: rows in categories that the reference never had, of the non-missing ones.
        infinite: number of infinite values in the current rows.
        mean_shift: in standard deviations of the reference; variance_ratio: current / reference.
        n, m: finite values of the reference and of the current rows.
        id: of its row in ``model_drift_detection``, by which it is acknowledged; ``None`` while it
            is recorded nowhere.
    """

    feature: str
    method: Method
    threshold: float
    severity: Severity
    finding: Finding
    is_alert: bool
    reason: str
    score: float | None = None
    expected: float | None = None
    p_value: float | None = None
    q_value: float | None = None
    missing_share: float | None = None
    reference_missing_share: float | None = None
    new_share: float | None = None
    infinite: int = 0
    mean_shift: float | None = None
    variance_ratio: float | None = None
    psi: float | None = None
    ks: float | None = None
    n: int = 0
    m: int = 0
    id: int | None = None

    def as_json(self) -> dict[str, Any]:
        """
        >>> Detection(
        ...     feature="visib", method="psi", threshold=0.2, severity=Severity.SEVERE,
        ...     finding=Finding.ALL_MISSING, is_alert=True, reason="every value is missing",
        ... ).as_json()["finding"]
        'all_missing'
        """
        return {**asdict(self), "severity": self.severity.value, "finding": self.finding.value}
