"""A graph as text: for people, for Mermaid, for Graphviz, for OpenLineage, as plain JSON. Pure.

Every text that stands in a graph may be anything (the name of a file, of a person, of a split), so
each form escapes it in its own way. Neighbour: ``openlineage`` makes that form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from governance.lineage.forms import Format
from governance.lineage.graph import Lineage, Node, Thing
from governance.lineage.openlineage import events

_SHAPES = {
    Thing.DATA: ("[(", ")]", "cylinder"),
    Thing.TRAINING: ("[[", "]]", "component"),
    Thing.VERSION: ("[", "]", "box"),
    Thing.METRICS: ("[/", "/]", "parallelogram"),
    Thing.TRIAL: ("[/", "/]", "parallelogram"),
    Thing.DECISION: ("{{", "}}", "hexagon"),
    Thing.ACTIVATION: ("([", "])", "oval"),
    Thing.DRIFT: (">", "]", "note"),
    Thing.INCIDENT: (">", "]", "note"),
}
_UNSAFE = re.compile(r"[^\w .,:()+=@/-]", re.ASCII)
_LINE_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def shown(lineage: Lineage, form: Format) -> str:
    """The whole text; ends with a line break."""
    return _WRITERS[form](lineage)


def as_text(lineage: Lineage) -> str:
    """An indented list: each version with what led to it and what became of it."""
    nodes = {one.id: one for one in lineage.nodes}
    lines = []
    for version in lineage.versions:
        own = f"version:{version.id}"
        lines.append(_said(nodes[own]))
        training = f"training:{version.id}"
        for edge in lineage.edges:
            if edge.target == training:
                lines.append(f"  trained on {_said(nodes[edge.source])}")
            elif edge.target == own:
                lines.append(f"  {_INTO[edge.relation]} {_said(nodes[edge.source])}")
            elif edge.source == own:
                lines.append(f"  {edge.relation} {_said(nodes[edge.target])}")
    if lineage.note:
        lines.append(f"({lineage.note})")
    return "".join(f"{line}\n" for line in lines)


_INTO = {
    "made": "made by",
    "retrained as": "retrained from",
    "activated": "activated in",
    "rolled back to": "put back in",
}


def _said(node: Node) -> str:
    when = "" if node.at is None else f" {node.at:%Y-%m-%d %H:%MZ}"
    state = "" if node.state is None or node.state in node.label else f" [{node.state}]"
    return _one_line(f"{node.label}{state}{when}")


def _one_line(text: str) -> str:
    return _LINE_BREAKS.sub(" ", text)


def as_mermaid(lineage: Lineage) -> str:
    """A flowchart. Texts are quoted; all but plain characters become entities (`#35;`)."""
    names = {node.id: f"n{number}" for number, node in enumerate(lineage.nodes)}
    lines = ["flowchart LR"]
    for node in lineage.nodes:
        opened, closed, _ = _SHAPES[node.thing]
        lines.append(f'  {names[node.id]}{opened}"{_entities(_said(node))}"{closed}')
    lines += [
        f'  {names[edge.source]} -->|"{_entities(edge.relation)}"| {names[edge.target]}'
        for edge in lineage.edges
    ]
    if lineage.note:
        lines.append(f'  left_out["{_entities(lineage.note)}"]')
    return "".join(f"{line}\n" for line in lines)


def _entities(text: str) -> str:
    """
    >>> _entities('a"b<i>')
    'a#34;b#60;i#62;'
    """
    return _UNSAFE.sub(lambda found: f"#{ord(found[0])};", text)


def as_dot(lineage: Lineage) -> str:
    """A directed graph for Graphviz, in quoted strings."""
    names = {node.id: f"n{number}" for number, node in enumerate(lineage.nodes)}
    lines = [f"digraph {_quoted(lineage.model)} {{", "  rankdir=LR;"]
    if lineage.note:
        lines.append(f"  label={_quoted(lineage.note)};")
    for node in lineage.nodes:
        shape = _SHAPES[node.thing][2]
        lines.append(f"  {names[node.id]} [shape={shape}, label={_quoted(_said(node))}];")
    lines += [
        f"  {names[edge.source]} -> {names[edge.target]} [label={_quoted(edge.relation)}];"
        for edge in lineage.edges
    ]
    return "".join(f"{line}\n" for line in [*lines, "}"])


def _quoted(text: str) -> str:
    r"""
    >>> print(_quoted('a"b\\n'))
    "a\"b\\n"
    """
    escaped = _one_line(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def as_json(lineage: Lineage) -> str:
    return json.dumps(lineage.as_json(), indent=2) + "\n"


def as_openlineage(lineage: Lineage) -> str:
    """A JSON array of run events, in the order in which they happened."""
    return json.dumps(events(lineage), indent=2) + "\n"


_WRITERS: dict[Format, Callable[[Lineage], str]] = {
    Format.TEXT: as_text,
    Format.JSON: as_json,
    Format.MERMAID: as_mermaid,
    Format.DOT: as_dot,
    Format.OPENLINEAGE: as_openlineage,
}
