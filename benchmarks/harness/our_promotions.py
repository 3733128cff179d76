"""Promotes one version after another, and sees when the server answers with each.

    python our_promotions.py HOME COUNT URL TOKEN

A process of its own, as an Airflow task is: it shares nothing with the server but the home. It
registers all versions, prints ``ready``, waits for a line, then promotes through ``gov`` and asks
the server's status every few milliseconds. The last line is JSON: milliseconds for each promotion,
and from its return until the server answered with the version.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.harness.serving_home import MODEL, booster, promote, register
from governance.wiring import Governance

_PATIENCE = 10.0


def main(home: str, count: int, url: str, token: str) -> None:
    address = urlsplit(url).netloc
    headers = {"Authorization": f"Bearer {token}"}
    found: dict[str, list[float]] = {"promoted_ms": [], "seen_ms": []}

    with Governance.open(home=home) as gov:
        versions = [register(gov, booster(20, seed=n), f"2.0.{n}") for n in range(1, count + 1)]
        print("ready", flush=True)
        sys.stdin.readline()
        connection = http.client.HTTPConnection(address, timeout=30)
        for version in versions:
            started = time.perf_counter()
            promote(gov, version)
            promoted = time.perf_counter()
            while True:
                connection.request("GET", f"/api/v1/models/{MODEL}/status", headers=headers)
                said = json.loads(connection.getresponse().read())
                now = time.perf_counter()
                if said["serving"]["version_id"] == version.id:
                    break
                if now - promoted > _PATIENCE:
                    raise RuntimeError(f"{version.ref} is not served: {said}")
                time.sleep(0.005)
            found["promoted_ms"].append((promoted - started) * 1e3)
            found["seen_ms"].append((now - promoted) * 1e3)
        connection.close()
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
