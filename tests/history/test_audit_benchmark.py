"""The benchmark runs and measures an intact log; no time is judged here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_audit_benchmark_verifies_what_it_wrote(empty_database_url: str) -> None:
    ran = subprocess.run(
        [
            sys.executable,
            "benchmarks/audit.py",
            "--json",
            "--entries=25000",
            "--appended=3",
            f"--database={empty_database_url}",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(ran.stdout)
    assert result["entries"] == 25_000
    assert result["read_only_seconds"] > 0
    assert result["verify_seconds"] > 0
