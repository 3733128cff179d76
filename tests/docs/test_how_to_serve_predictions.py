"""docs/how-to/serve-predictions.md, typed to the letter but for the port."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from governance import Governance
from tests.decisions.history import promoted
from tests.docs.pages import ROOT, blocks_of, commands_of
from tests.docs.reader import Reader

PAGE = "how-to/serve-predictions.md"


def typed(command: str, port: int, secret: str) -> str:
    """What a shell says to a line of the page."""
    done = subprocess.run(
        ["bash", "-c", command.replace("8701", str(port))],
        env={**os.environ, "TOKEN": secret},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page is typed with curl")
def test_the_page_serves_the_champion(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "governance.yaml").write_text("models: {}\n")
    with Governance.open(home=tmp_path / "home") as gov:
        version = promoted(gov, 1)
    (told,) = Reader(tmp_path).succeeds(commands_of(PAGE))
    found = re.search(r"gov_\w{12}_[\w-]{43}", told)
    assert found is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (serve,) = blocks_of(PAGE, "bash")
    program, *arguments = serve.replace("8701", str(port)).split()
    assert program == "governance"
    home = {"GOVERNANCE_HOME": str(tmp_path / "home")}
    process = subprocess.Popen(
        [sys.executable, "-m", "governance.cli", *arguments], env={**os.environ, **home}
    )
    try:
        predict, status, versions, ready = blocks_of(PAGE, "console")[0].splitlines()
        for _ in range(600):
            asked = subprocess.run(
                ["bash", "-c", ready.replace("8701", str(port))], capture_output=True, check=False
            )
            if b'"ready"' in asked.stdout:
                break
            time.sleep(0.05)
        answer = json.loads(typed(predict, port, found[0]))
        assert (answer["version"], answer["predictions"]) == (version.version, [10.0])
        assert json.loads(typed(status, port, found[0]))["state"] == "serving"
        assert len(json.loads(typed(versions, port, found[0]))["items"]) == 1
    finally:
        process.terminate()
        process.wait(30)


def test_the_codes_of_the_page_are_those_of_the_product() -> None:
    page = (ROOT / "docs" / PAGE).read_text(encoding="utf-8")
    errors = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    for code in re.findall(r"`([a-z]+_[a-z_]+)`", page.split("## Answers")[1].split("##")[0]):
        if code != "feature_graph":
            assert f"`{code}`" in errors, code
