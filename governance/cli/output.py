"""Answers on stdout: a table for people or JSON for programs, and notes on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from governance.canonical import canonical_json
from governance.cli.session import Output

_WHOLE = 28  # characters; longer cells may fold
_GAP = 3  # what the table puts between two columns

# A pipe has no width: what is cut or folded there cannot be searched.
_PIPE_WIDTH = 200
stdout = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
stderr = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def emit_rows(
    rows: Sequence[Mapping[str, Any]],
    output: Output,
    *,
    columns: Sequence[str],
    empty: str,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """A list: all keys in JSON (with `extra` beside ``items``), the `columns` in the table."""
    if output is Output.JSON:
        print_json({"items": rows, **(extra or {})})
        return
    if not rows:
        note(empty)
        return
    cells = [[shown(row.get(column)) for column in columns] for row in rows]
    if sum(_needed(name, column) for name, column in _by_column(columns, cells)) > stdout.width:
        _print_blocks(columns, cells)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, column in _by_column(columns, cells):
        table.add_column(name, overflow="fold", min_width=_needed(name, column) - _GAP)
    for line in cells:
        table.add_row(*line)
    stdout.print(table)


def _by_column(
    columns: Sequence[str], cells: Sequence[Sequence[str]]
) -> Iterator[tuple[str, list[str]]]:
    for number, name in enumerate(columns):
        yield name, [line[number] for line in cells]


def _needed(name: str, column: Sequence[str]) -> int:
    """Names, ids and stages must stay whole; sentences may fold, but not to a ribbon."""
    longest = max(len(text) for text in (name, *column))
    return (longest if longest <= _WHOLE else max(_WHOLE, len(name))) + _GAP


def _print_blocks(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    """For a terminal too narrow for the table: one block a row, nothing cut."""
    for number, line in enumerate(cells):
        if number:
            stdout.print()
        block = Table(box=None, show_header=False, pad_edge=False)
        block.add_column(style="bold", no_wrap=True)
        block.add_column(overflow="fold")
        for name, text in zip(columns, line, strict=True):
            block.add_row(name, text)
        stdout.print(block)


def emit_record(record: Mapping[str, Any], output: Output) -> None:
    """One thing: a JSON object, or a line for each field."""
    if output is Output.JSON:
        print_json(record)
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    nested = {}
    for key, value in record.items():
        if isinstance(value, Mapping) and value and all(map(_is_mapping, value.values())):
            nested[key] = value
        else:
            table.add_row(key, shown(value))
    stdout.print(table)
    for key, value in nested.items():
        _print_grid(key, value)


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)


def _print_grid(title: str, grid: Mapping[str, Any]) -> None:
    """Values by two keys, such as metrics by split: one row for each inner key."""
    rows = list(dict.fromkeys(key for row in grid.values() for key in row))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(title)
    for name in grid:
        table.add_column(name, justify="right", no_wrap=True)
    for key in rows:
        table.add_row(key, *(shown(row.get(key)) for row in grid.values()))
    stdout.print(table)


def print_json(value: Any) -> None:
    # Through the canonical form, so that NaN, dates and enums are what programs expect.
    print(json.dumps(json.loads(canonical_json(value)), indent=2, ensure_ascii=False))


def note(message: str) -> None:
    """For people, beside the data: stderr."""
    stderr.print(message)


def progress() -> Progress:
    """A bar on stderr; nothing where stderr is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=stderr,
        transient=True,
        disable=not stderr.is_terminal,
    )


def counted(number: int, noun: str) -> str:
    """
    >>> counted(1, "day"), counted(1200, "row")
    ('1 day', '1200 rows')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def shown(value: Any) -> str:
    """A cell for people: times to the second, nested values as compact JSON, nothing as ``-``."""
    if value is None or (isinstance(value, str | Mapping | list | tuple) and not value):
        return "-"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping | list | tuple):
        return canonical_json(value)
    return str(value)
