"""What the demo shows on the terminal: who was registered, what the gates said, what decides now.

A table where there is room for one, else one block per model. Only rendering: every figure comes
from the registry and from stored decisions.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from governance.decisions.record import Decision
from governance.policy.verdict import GateResult
from governance.values import ModelVersion, Verdict

_COLOURS = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.INSUFFICIENT: "yellow"}
TABLE_WIDTH = 110  # below it the columns of the table break words and figures apart
TITLE = "What was registered and decided"
_SIGNS = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.INSUFFICIENT: "?"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    Attributes:
        version: as it stands now; None if the run registered none.
        decision: what the validation gates said.
        why: why it stands where it stands, or what went wrong.
    """

    model: str
    succeeded: bool
    version: ModelVersion | None
    decision: Decision | None
    why: str


def shown(outcomes: list[Outcome], *, width: int) -> RenderableType:
    """The outcomes, for a terminal of `width` columns."""
    if width >= TABLE_WIDTH:
        return outcome_table(outcomes)
    blocks = [outcome_block(outcome) for outcome in outcomes]
    return Group(Text(TITLE, style="italic"), *blocks, "")


def outcome_block(outcome: Outcome) -> Group:
    """One model: a header line, its figures in two columns, its gates, and why."""
    version, decision = outcome.version, outcome.decision
    if version is None:
        header = Text.assemble((outcome.model, "bold"), "  ", ("nothing registered", "red"))
        return Group("", header, Padding(why_text(outcome), (0, 0, 0, 2)))
    header = Text(f"{outcome.model}  {version.version}  {version.id}  {version.stage}", "bold")
    parts: list[RenderableType] = []
    heading, *figures = metrics_text(version, decision).splitlines() or [""]
    if figures:
        half = -(-len(figures) // 2)
        columns = Table.grid(padding=(0, 6))
        columns.add_row("\n".join(figures[:half]), "\n".join(figures[half:]))
        parts += [Text(heading), columns]
    parts += [Text("gates:"), gates_text(decision), why_text(outcome)]
    return Group("", header, *(Padding(part, (0, 0, 0, 2)) for part in parts))


def why_text(outcome: Outcome) -> Text:
    return Text(outcome.why, style="" if outcome.succeeded else "red")


def outcome_table(outcomes: list[Outcome]) -> Table:
    """One row per model."""
    table = Table(title=TITLE, show_lines=True, title_justify="left")
    table.add_column("model", no_wrap=True)
    table.add_column("version", no_wrap=True)
    table.add_column("stage", no_wrap=True)
    table.add_column("metrics", no_wrap=True)
    table.add_column("gates", overflow="fold")
    table.add_column("why", overflow="fold")
    for outcome in outcomes:
        version = outcome.version
        table.add_row(
            outcome.model,
            f"{version.version}\n{version.id}" if version else "-",
            str(version.stage) if version else Text("none", style="red"),
            metrics_text(version, outcome.decision) if version else "",
            gates_text(outcome.decision),
            why_text(outcome),
        )
    return table


def metrics_text(version: ModelVersion, decision: Decision | None) -> str:
    """The figures of the split that the gates look at."""
    splits = {name: found for name, found in version.metrics.items() if isinstance(found, dict)}
    asked = (
        [check.gate.partition(".")[0] for check in decision.checks] if decision is not None else []
    )
    candidates = [*asked, "out_of_sample", "test", *splits]
    split = next((name for name in candidates if name in splits), None)
    if split is None:
        return ""
    width = max(map(len, splits[split]), default=0)
    figures = (
        f"{name:<{width}} {value:.4g}" if value is not None else f"{name:<{width}} none"
        for name, value in splits[split].items()
    )
    return "\n".join([f"on {split}:", *figures])


def gates_text(decision: Decision | None) -> Text:
    """Every check with its sign and figures; checks without figures that passed share a line."""
    if decision is None:
        return Text("not asked", style="yellow")
    groups: dict[tuple[str, Verdict], list[str]] = {}
    lines = []
    for check in decision.checks:
        if isinstance(check.threshold, int | float):
            lines.append(Text(compared(check), style=_COLOURS[check.result]))
        else:
            name, _, detail = check.gate.partition(".")
            groups.setdefault((name, check.result), []).append(detail)
    for (name, result), details in groups.items():
        shown = "" if result is Verdict.PASS else f": {', '.join(details)}"
        lines.append(Text(f"{_SIGNS[result]} {name}{shown}", style=_COLOURS[result]))
    return Text("\n").join(lines)


def compared(check: GateResult) -> str:
    """`✓ auc 0.61 ≥ 0.6`: what was observed beside what was asked."""
    *_, metric, bound = ["", *check.gate.split(".")]
    sign = {"min": "≥", "max": "≤"}.get(bound)
    observed = f"{check.observed:.4g}" if isinstance(check.observed, float) else "none"
    name = metric if sign else check.gate
    mode = "" if check.mode == "enforce" else " (observed only)"
    return f"{_SIGNS[check.result]} {name} {observed} {sign or '/'} {check.threshold:.4g}{mode}"
