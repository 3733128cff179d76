"""`python -m governance.cli`: the command line where the console script is not installed."""

from __future__ import annotations

from governance.cli.app import main

if __name__ == "__main__":
    main()
