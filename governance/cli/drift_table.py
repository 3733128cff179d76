"""Drift in tables for people: figures rounded as on the report's page, and how a column is called.

JSON keeps every digit, so none of this is in it. Neighbours: ``drift`` prints the tables, and
``drift_words`` says the same in sentences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from governance.evidence.drift.records.calibrations import Calibration
    from governance.evidence.drift.report import FeatureReport

FEATURE_COLUMNS = (
    *("feature", "severity", "finding", "ks", "psi", "q", "mean_shift", "missing"),
    *("frozen_ks", "importance"),
)
CALIBRATION_COLUMNS = (
    *("model", "at", "days", "features", "flagged_share", "alarm_days", "per_month"),
    *("upper_bound", "budget", "verdict"),
)


def feature_row(item: FeatureReport) -> dict[str, str | None]:
    """One feature of a report. A figure that does not exist is ``None``, never a zero."""
    figures = item.figures
    frozen = figures.frozen
    return {
        "feature": item.feature,
        "severity": item.severity.value,
        "finding": item.finding.value,
        "ks": number(figures.ks),
        "psi": number(figures.psi),
        "q": probability(figures.q_value),
        "mean_shift": number(figures.mean_shift),
        "missing": share(figures.missing_share),
        "frozen_ks": None if frozen is None else number(frozen.ks),
        "importance": share(figures.importance),
    }


def calibration_row(item: Calibration) -> dict[str, Any]:
    """One measurement; its time to the second, as in the table of a scan."""
    shown = item.as_json() | {"at": item.at}
    return {k: number(v) if isinstance(v, float) else v for k, v in shown.items()}


def number(value: float | None) -> str | None:
    """Three digits.

    >>> number(0.244739), number(12.5), number(0.0), number(None)
    ('0.245', '12.5', '0', None)
    >>> number(-1.1274), number(123456.0), number(0.000012345)
    ('-1.13', '1.23e5', '1.23e-5')
    """
    return None if value is None else _short_exponent(f"{value:.3g}")


def probability(value: float | None) -> str | None:
    """
    >>> probability(0.0432), probability(3.08548e-08), probability(0.0), probability(1.0)
    ('0.043', '3.1e-8', '< 1e-300', '1')
    """
    if value is None:
        return None
    if value <= 0:
        return "< 1e-300"
    if value < 0.001:
        return _short_exponent(f"{value:.1e}")
    return f"{value:.3f}".removesuffix(".000")


def share(value: float | None) -> str | None:
    """
    >>> share(0.0512), share(0.0), share(0.00003), share(1.0)
    ('5.1%', '0%', '< 0.1%', '100%')
    """
    if value is None:
        return None
    if 0 < value < 0.001:
        return "< 0.1%"
    return f"{100 * value:.1f}".removesuffix(".0") + "%"


def _short_exponent(text: str) -> str:
    mantissa, mark, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if mark else text
