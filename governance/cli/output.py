"""Answers on stdout: a table for people or JSON for programs, and notes on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from governance.canonical import canonical_json
from governance.cli.session import Output

_WHOLE = 24  # characters; longer cells may fold

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
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        # Names, ids and stages stay whole; sentences fold.
        longest = max((len(shown(row.get(column))) for row in rows), default=0)
        table.add_column(column, overflow="fold", no_wrap=longest <= _WHOLE)
    for row in rows:
        table.add_row(*(shown(row.get(column)) for column in columns))
    stdout.print(table)


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
