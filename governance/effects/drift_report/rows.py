"""One feature as people read it: every figure formatted once, for page and mail alike.

A figure that does not exist is a dash, never a zero. Not decided here: what is a finding (the
policy's), and how a row is laid out (the templates').
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from governance.effects.drift_report.words import (
    ABOUT_DATA,
    DASH,
    DRIFTED,
    STYLES,
    Style,
    finding_word,
    severity_of,
)
from governance.values import Severity

MINUS, TIMES = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"


def number(value: float | None, digits: int = 3) -> str:
    """
    >>> number(0.31249), number(12345.6), number(None) == DASH, number(-0.5, 1) == MINUS + "0.5"
    ('0.312', '1.23e4', True, True)
    """
    if value is None:
        return DASH
    text = f"{value:.{digits}f}" if abs(value) < 1000 else _short_exponent(f"{value:.2e}")
    return text.replace("-", MINUS, 1) if value < 0 else text


def signed(value: float | None, digits: int = 2) -> str:
    """
    >>> signed(1.318), signed(-0.2) == MINUS + "0.20", signed(-0.001)
    ('+1.32', True, '0.00')
    """
    if value is None:
        return DASH
    text = number(value, digits)
    if not float(f"{value:.{digits}f}"):
        return text.lstrip(MINUS)
    return f"+{text}" if value > 0 else text


def share(value: float | None) -> str:
    """
    >>> share(0.0512), share(0.0), share(0.00003), share(1.0)
    ('5.1 %', '0 %', '< 0.1 %', '100 %')
    """
    if value is None:
        return DASH
    if 0 < value < 0.001:
        return "< 0.1 %"
    return f"{100 * value:.1f}".removesuffix(".0") + " %"


def probability(value: float | None) -> str:
    """
    >>> probability(0.0432), probability(2.13e-07), probability(0.0), probability(1.0)
    ('0.043', '2.1e-7', '< 1e-300', '1')
    """
    if value is None:
        return DASH
    if value <= 0:
        return "< 1e-300"
    if value < 0.001:
        return _short_exponent(f"{value:.1e}")
    return f"{value:.3f}".removesuffix(".000")


def _short_exponent(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRow:
    """The text of one line of the table; ``*_note`` is what stands beside it, or empty.

    Attributes:
        effect: the number itself, for the bar beside KS; None where there is none.
        reason: without the feature's name, which stands beside it.
        drifted: moderate or severe; data_problem: the finding speaks of the data's state.
    """

    name: str
    kind: str
    severity: Severity
    finding: str
    reason: str
    effect: float | None
    ks: str
    ks_note: str
    psi: str
    psi_note: str
    mean_shift: str
    variance_ratio: str
    missing: str
    missing_note: str
    q_value: str
    importance: str
    frozen_ks: str
    frozen_psi: str
    data_problem: bool

    @property
    def style(self) -> Style:
        return STYLES[self.severity]

    @property
    def drifted(self) -> bool:
        return self.severity in DRIFTED

    @classmethod
    def of(cls, figures: Mapping[str, Any]) -> FeatureRow:
        """From a feature of ``DriftReport.as_json`` or of an incident's event.

        >>> row = FeatureRow.of({"feature": "visib", "severity": "severe", "ks": 0.4,
        ...                      "ks_bound": 0.002, "finding": "shifted"})
        >>> row.ks, row.ks_note, row.psi == DASH
        ('0.400', 'at most 0.402', True)
        """
        get = figures.get
        frozen = get("frozen") or {}
        ks, bound, before = get("ks"), get("ks_bound"), get("reference_missing_share")
        ratio = get("variance_ratio")
        null = get("psi_null")
        return cls(
            name=str(figures["feature"]),
            kind=str(get("kind", "numeric")),
            severity=severity_of(get("severity")),
            finding=finding_word(get("finding") or ""),
            reason=_after_name(str(get("reason") or ""), str(figures["feature"])),
            effect=get("effect") if get("effect") is not None else ks,
            ks=number(ks),
            ks_note=f"at most {number(min(1.0, ks + bound))}" if ks is not None and bound else "",
            psi=number(get("psi")),
            psi_note="" if null is None else f"null {number(null)}",
            mean_shift=signed(get("mean_shift")),
            variance_ratio=DASH if ratio is None else f"{TIMES}{number(ratio, 2)}",
            missing=share(get("missing_share")),
            missing_note="" if before is None else f"was {share(before)}",
            q_value=probability(get("q_value")),
            importance=share(get("importance")),
            frozen_ks=number(frozen.get("ks")),
            frozen_psi=number(frozen.get("psi")),
            data_problem=str(get("finding")) in ABOUT_DATA,
        )


def _after_name(reason: str, name: str) -> str:
    rest = reason.removeprefix(name)
    return rest.lstrip(": ") if rest[:1] in (":", " ") else reason


def feature_rows(features: Iterable[Mapping[str, Any]]) -> list[FeatureRow]:
    """In the order given, which is the worst first."""
    return [FeatureRow.of(feature) for feature in features]
