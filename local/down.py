"""`make down`: stops what `make up`, or a demo that was killed, left running."""

from __future__ import annotations

import sys

from rich.console import Console

from local import here


def main() -> int:
    stopped = here.servers().stop() + here.services(scheduled=True).stop()
    Console().print(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
    return 0


if __name__ == "__main__":
    sys.exit(main())
