"""`governance serve`: a process that answers, and ends when it is told to."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

from governance import Governance
from tests.decisions.eligible import probed
from tests.versions import NAME, validated


def test_a_process_answers_until_it_is_stopped_and_writes_what_it_answered(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Governance.open(home=home) as gov:
        version = probed(gov, validated(gov))
        gov.promotion.promote_to_production(version, by="eve", force=True, reason="a test")
        secret, _ = gov.access.tokens.create("app", role="operator", expires_in=None, by="ann")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "governance.cli", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env={**os.environ, "GOVERNANCE_HOME": str(home)})
    try:
        headers = {"Authorization": f"Bearer {secret}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
            for _ in range(600):
                assert process.poll() is None
                try:
                    if client.get("/api/v1/health/ready").status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                time.sleep(0.05)
            path = f"/api/v1/models/{NAME}/predict"
            answer = client.post(path, json={"rows": [[20, 0]]})
            assert answer.json()["predictions"] == [10.0]
    finally:
        process.send_signal(signal.SIGTERM)
        ended = process.wait(30)
    assert ended in (0, -signal.SIGTERM)
    assert len(list((home / "predictions" / "champions").rglob("*.parquet"))) == 1
    assert not list((home / "predictions" / "writers").iterdir())
