"""Where versions came from and what became of them: data, training, version, evidence, outcome.

Neighbour: ``governance.lineage`` builds the graph from records and has it as text, too. Columns are
kinds of things, so that a way leads from left to right, and back only where history went back.
"""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup

from governance.dashboard.charts.boxes import MOST, Box, boxes_picture
from governance.dashboard.words import when
from governance.lineage.graph import Lineage, Node, Thing

COLUMNS = {
    Thing.DATA: 0,
    Thing.TRAINING: 1,
    Thing.VERSION: 2,
    Thing.METRICS: 3,
    Thing.TRIAL: 3,
    Thing.DECISION: 3,
    Thing.DRIFT: 3,
    Thing.ACTIVATION: 4,
    Thing.INCIDENT: 4,
}
_BAD = ("fail", "failed", "severe", "open")


def lineage_graph(found: Lineage, url: Callable[..., str]) -> Markup | None:
    """``None`` where there is nothing, or more than can be taken in.

    Args:
        url: address of a page from its parts.
    """
    if not 1 < len(found.nodes) <= MOST:
        return None
    boxes = [
        Box(
            id=node.id,
            label=node.label,
            column=COLUMNS[node.thing],
            css="failed" if node.state in _BAD else "output" if _own(found, node) else "between",
            title=_told(node),
            href=_href(found, node, url),
        )
        for node in found.nodes
    ]
    labels = {node.id: node.label for node in found.nodes}
    lines = [
        (edge.source, edge.target, f"{labels[edge.source]} {edge.relation} {labels[edge.target]}")
        for edge in found.edges
    ]
    title = f"Lineage of {found.model}: {len(boxes)} things, {len(lines)} relations"
    return boxes_picture(boxes, lines, title=title)


def _own(found: Lineage, node: Node) -> bool:
    return node.id in {f"version:{version.id}" for version in found.versions}


def _told(node: Node) -> str:
    said = [node.thing.value, node.label, node.state or "", when(node.at) if node.at else ""]
    return ", ".join(part for part in said if part)


def _href(found: Lineage, node: Node, url: Callable[..., str]) -> str:
    key = node.id.partition(":")[2]
    match node.thing:
        case Thing.VERSION:
            return url("models", found.model, "versions", key)
        case Thing.DECISION:
            return url("decisions", key)
        case Thing.INCIDENT:
            return url("alerts", key)
        case Thing.DRIFT:
            return url("models", found.model, "drift")
        case _:
            return ""
