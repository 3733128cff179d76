"""docs/how-to/add-a-model.md, done to the letter in an empty folder: the package is not touched."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT, commands_of, files_of

PAGE = "how-to/add-a-model.md"


def test_the_page_adds_a_third_model(tmp_path: Path) -> None:
    for name, body in files_of(PAGE).items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(body, encoding="utf-8")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
        "GOVERNANCE_HOME": str(tmp_path / "home"),
        "GOVERNANCE_CONFIG": str(tmp_path / "config" / "governance.yaml"),
        "GOVERNANCE_ACTOR": "reader",
    }
    outputs = []
    for command in commands_of(PAGE):
        program, *arguments = shlex.split(command)
        assert program == "governance"
        done = subprocess.run(
            [sys.executable, "-m", "governance.cli", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        outputs.append(done.stdout + done.stderr)
    assert "temperature:1.0.0" in outputs[1] and "validated" in outputs[1]
    assert "dataset_hash" in outputs[2]
    assert "in production (generation 1)" in outputs[3]
