"""The closing table of the demo: what was decided, by whom, and what the gates said of it.

Only rendering: every figure comes from stored decisions.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from governance.decisions.record import Decision
from governance.policy.verdict import GateResult
from governance.values import Verdict

_COLOURS = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.INSUFFICIENT: "yellow"}
_SIGNS = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.INSUFFICIENT: "?"}


def decision_table(decisions: Iterable[Decision]) -> Table:
    """One row per decision, in the order in which they were made."""
    table = Table(title="What was decided", show_lines=True, title_justify="left")
    table.add_column("as of", no_wrap=True)
    table.add_column("version", overflow="fold")
    table.add_column("decision", no_wrap=True)
    table.add_column("gates", overflow="fold")
    table.add_column("by", overflow="fold")
    table.add_column("reason", overflow="fold")
    for one in decisions:
        by = one.by if one.approved_by is None else f"{one.by}\napproved: {one.approved_by}"
        table.add_row(
            f"{one.at:%Y-%m-%d}",
            f"{one.model}\n{one.version}",
            outcome(one),
            gates(one.checks),
            by,
            one.reason or "",
        )
    return table


def outcome(decision: Decision) -> Text:
    """In a word or two: what it came to."""
    if decision.operation != "promotion":
        return Text(decision.operation, style="cyan")
    if decision.forced:
        return Text("FORCED", style="magenta")
    if decision.generation is None:
        return Text("refused", style="red")
    return Text("promoted", style="green")


def gates(checks: Iterable[GateResult]) -> Text:
    """Those that passed on one line; the others with their figures, one line each.

    >>> from governance.policy.verdict import GateResult
    >>> def check(gate, result, observed=None, threshold=None):
    ...     return GateResult(gate=gate, result=Verdict(result), observed=observed,
    ...                       threshold=threshold, reason="too few")
    >>> print(gates([check("integrity", "pass"), check("load", "pass"),
    ...              check("shadow.sessions", "insufficient", 3, 10), check("soak", "fail")]))
    ? shadow.sessions 3 / 10
    ✗ soak: too few
    ✓ integrity, load
    """
    passed, lines = [], []
    for one in checks:
        if one.result is Verdict.PASS:
            passed.append(one.gate)
            continue
        figures = f" {_figure(one.observed)} / {_figure(one.threshold)}"
        told = figures if one.threshold is not None else f": {one.reason}"
        mode = "" if one.mode == "enforce" else " (observed only)"
        lines.append(
            Text(f"{_SIGNS[one.result]} {one.gate}{told}{mode}", style=_COLOURS[one.result])
        )
    if passed:
        lines.append(Text(f"✓ {', '.join(passed)}", style="green"))
    return Text("\n").join(lines)


def _figure(value: float | str | None) -> str:
    return "none" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
