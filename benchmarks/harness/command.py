"""The command line of a benchmark beside MLflow: its options, its folder, its tables or JSON."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.harness.peer import ENVIRONMENTS, interpreter_of

Measure = Callable[[Path, dict[str, int], Path | None, Console], dict[str, Any]]


def run(
    arguments: list[str] | None,
    *,
    about: str,
    numbers: Mapping[str, tuple[int, int]],
    measure: Measure,
    tables: Callable[[dict[str, Any]], Iterator[Table]],
) -> int:
    """Measure and show; 1 if `--check` was asked and a target is missed.

    Args:
        numbers: options that are whole numbers, each with its default and the least it may be.
        measure: given a folder on the disk to measure, the numbers, the peer's Python or `None`.
    """
    parser = argparse.ArgumentParser(description=about.partition("\n")[0])
    for name, (default, _) in numbers.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    parser.add_argument("--folder", type=Path, default=ENVIRONMENTS, help="on the disk to measure")
    parser.add_argument("--no-peers", action="store_true", help="ours alone")
    parser.add_argument("--json", action="store_true", help="one last line of JSON")
    parser.add_argument("--check", action="store_true", help="exit 1 if a target is missed")
    given = parser.parse_args(arguments)
    sizes = {name: getattr(given, name) for name in numbers}
    for name, (_, least) in numbers.items():
        if sizes[name] < least:
            parser.error(f"--{name.replace('_', '-')} must be at least {least}")
    console = Console(stderr=given.json)
    console.width = max(console.width, 110)
    given.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=given.folder, prefix="bench-") as folder:
        peer_python = None if given.no_peers else interpreter_of("mlflow")
        result = measure(Path(folder), sizes, peer_python, console)
    if given.json:
        print(json.dumps(result))
    else:
        for table in tables(result):
            console.print(table)
        if result["mlflow"] is None:
            console.print("MLflow was not measured; `make bench-peers` installs it beside ours")
    missed = [name for name, target in result["targets"].items() if not target["met"]]
    return 1 if given.check and missed else 0
