"""The text part of a message: complete on its own, readable in any width and by any program."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Protocol

from governance.effects.drift_report.rows import FeatureRow
from governance.effects.drift_report.templating import clean
from governance.effects.drift_report.told import Told
from governance.effects.drift_report.words import listed

WIDTH = 76
_LONGEST_NAME = 28


def single(alert: Told) -> str:
    """One incident in full."""
    parts = [_wrapped(f"{alert.state.upper()}  {alert.model} {alert.version}")]
    parts.append(_wrapped(alert.headline))
    parts.append("\n".join(_fact(label, value) for label, value in alert.facts))
    if alert.reasons and alert.event != "closed":
        parts.append("Why\n" + "\n".join(_item(reason) for reason in alert.reasons))
    if alert.rows:
        parts.append(feature_table(alert.rows, left_out=alert.left_out))
    elif alert.names:
        parts.append(_wrapped(f"Features: {listed(alert.names, most=20)}"))
    parts.append(_answers(alert))
    return "\n\n".join(parts) + "\n"


class Line(Protocol):
    """What a line of several needs."""

    @property
    def model(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def event(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def headline(self) -> str: ...
    @property
    def identity(self) -> str: ...
    @property
    def commands(self) -> list[tuple[str, str]]: ...
    @property
    def link(self) -> str: ...


def several(told: Sequence[Line], intro: str) -> str:
    """A few lines for each incident."""
    parts = [_wrapped(intro)]
    for alert in told:
        lines = [
            _wrapped(f"[{alert.state.upper()}] {alert.model} {alert.version}"),
            _wrapped(alert.headline, indent="  "),
            f"  {clean(alert.identity)}",
        ]
        if alert.event != "closed" and alert.commands:
            lines.append(f"  {clean(alert.commands[0][1])}")
        if alert.link:
            lines.append(f"  {clean(alert.link)}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def feature_table(rows: Sequence[FeatureRow], *, left_out: int = 0) -> str:
    """The features' main figures in columns.

    >>> row = FeatureRow.of({"feature": "visib", "finding": "shifted", "ks": 0.37, "psi": 0.7,
    ...                      "mean_shift": 1.5, "missing_share": 0.01, "q_value": 1e-5})
    >>> print(feature_table([row]))
    Feature  Finding     KS    PSI  Mean shift  Missing       q
    visib    shifted  0.370  0.700       +1.50      1 %  1.0e-5
    """
    head = ("Feature", "Finding", "KS", "PSI", "Mean shift", "Missing", "q")
    table = [head] + [
        (_name(row.name), row.finding, row.ks, row.psi, row.mean_shift, row.missing, row.q_value)
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    ]
    return "\n".join([*lines, *([f"and {left_out} more"] if left_out else [])])


def _answers(alert: Told) -> str:
    width = max(len(label) for label, _ in alert.commands)
    lines = [f"{label.ljust(width)}  {clean(command)}" for label, command in alert.commands]
    if alert.link:
        lines.append(f"{'Report'.ljust(width)}  {clean(alert.link)}")
    return "\n".join(lines)


def _name(name: str) -> str:
    text = clean(name)
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"


def _fact(label: str, value: str) -> str:
    return fill(clean(f"{label}: {value}"), WIDTH, subsequent_indent="  ")


def _item(text: str) -> str:
    return fill(clean(text), WIDTH, initial_indent="- ", subsequent_indent="  ")


def _wrapped(text: str, indent: str = "") -> str:
    return fill(clean(text), WIDTH, initial_indent=indent, subsequent_indent=indent)
