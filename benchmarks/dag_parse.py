"""How long the DAG files take to parse, after Airflow's own import; and what they import.

    python benchmarks/dag_parse.py [--rounds 7] [--json] [--check]

Airflow's DAG processor parses each file in a fresh fork of a process that has imported Airflow and
the Airflow modules named in the file. So does each round here: a fresh interpreter imports those,
and then only the parsing is timed. The target is one second for all files together.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TARGET_SECONDS = 1.0

# Slow to import and of no use to a DAG file: only its tasks need them.
HEAVY = ("lightgbm", "matplotlib", "pandas", "pyarrow", "scipy", "sklearn")

_PARSE = """
import importlib, json, os, sys, time
from pathlib import Path
started = time.perf_counter()
from airflow.dag_processing.dagbag import DagBag
from airflow.utils.file import iter_airflow_imports
files = sorted(str(path) for path in Path(sys.argv[1]).glob("*.py"))
for file in files:
    for module in iter_airflow_imports(file):
        importlib.import_module(module)
before = set(sys.modules)
imported = time.perf_counter() - started
found = {}
for file in files:
    started = time.perf_counter()
    bag = DagBag(dag_folder=file, load_op_links=False)
    seconds = time.perf_counter() - started
    found[Path(file).name] = {
        "seconds": seconds, "dags": sorted(bag.dags), "errors": list(bag.import_errors.values())}
print(json.dumps({
    "airflow_import_seconds": imported,
    "files": found,
    "heavy": sorted(set(json.loads(sys.argv[2])) & (set(sys.modules) - before)),
}))
"""


def parse_once(dags: Path, home: Path) -> dict[str, Any]:
    """One fresh interpreter: seconds, DAG ids and errors of each file."""
    done = subprocess.run(
        [sys.executable, "-c", _PARSE, str(dags), json.dumps(HEAVY)],
        env={
            **os.environ,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "GOVERNANCE_CONFIG": str(ROOT / "config" / "governance.yaml"),
            "GOVERNANCE_HOME": str(home),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")]),
        },
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the files could not be parsed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    broken = {name: file["errors"] for name, file in found["files"].items() if file["errors"]}
    if broken:
        raise RuntimeError(f"files with import errors: {broken}")
    return found


def measure(dags: Path, rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home:
        parse_once(dags, Path(home))  # writes the configuration and the byte code
        taken = [parse_once(dags, Path(home)) for _ in range(rounds)]
    names = list(taken[0]["files"])
    seconds = {
        name: statistics.median(found["files"][name]["seconds"] for found in taken)
        for name in names
    }
    together = statistics.median(
        sum(file["seconds"] for file in found["files"].values()) for found in taken
    )
    return {
        "benchmark": "dag_parse",
        "rounds": rounds,
        "files": {name: round(found, 4) for name, found in seconds.items()},
        "dags": sum(len(file["dags"]) for file in taken[0]["files"].values()),
        "together_seconds": round(together, 4),
        "target": {"limit_seconds": TARGET_SECONDS, "met": together < TARGET_SECONDS},
        "airflow_import_seconds": round(
            statistics.median(found["airflow_import_seconds"] for found in taken), 3
        ),
        "heavy_imports": taken[0]["heavy"],
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--dags", type=Path, default=ROOT / "dags")
    parser.add_argument("--json", action="store_true", help="one last line of JSON")
    parser.add_argument("--check", action="store_true", help="exit 1 if the target is missed")
    given = parser.parse_args(arguments)
    if given.rounds < 1:
        parser.error("at least 1 round is needed")
    result = measure(given.dags.resolve(), given.rounds)
    if given.json:
        print(json.dumps(result))
    else:
        for name, seconds in result["files"].items():
            print(f"{name:24} {seconds:.3f} s")
        print(f"{'together':24} {result['together_seconds']:.3f} s (target < {TARGET_SECONDS:g} s)")
        print(f"{'DAGs':24} {result['dags']}")
        print(f"{'Airflow itself':24} {result['airflow_import_seconds']:.3f} s, not counted")
        print(f"{'heavy imports':24} {', '.join(result['heavy_imports']) or 'none'}")
    return 1 if given.check and not result["target"]["met"] else 0


if __name__ == "__main__":
    sys.exit(main())
