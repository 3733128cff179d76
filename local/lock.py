"""`make lock`: compiles the three lock files from `pyproject.toml`, hashes included.

The largest is compiled first and constrains the others: one package, one version everywhere.
They hold for every supported Python and platform. Indexes come from the caller's own uv settings
and are never written down.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("airflow", "postgres", "setup")
LOCKS: dict[str, tuple[str, ...]] = {
    "requirements-dev.txt": (*PRODUCT, "demo", "dev"),
    "requirements-demo.txt": (*PRODUCT, "demo"),
    "requirements.txt": PRODUCT,
}


def command(lock: str, *options: str) -> list[str]:
    """The uv call that writes `lock`.

    >>> command("requirements.txt")[-1]
    'requirements.txt'
    """
    compile_ = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "pyproject.toml"]
    compile_ += ["--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"]
    compile_ += ["--custom-compile-command", "make lock", "--no-emit-index-url"]
    for extra in LOCKS[lock]:
        compile_ += ["--extra", extra]
    if lock != "requirements-dev.txt":
        compile_ += ["--constraint", "requirements-dev.txt"]
    return [*compile_, *options, "--output-file", lock]


def main(options: list[str]) -> int:
    for lock in LOCKS:
        subprocess.run(command(lock, *options), check=True, cwd=ROOT)
        print(f"{lock}: {(ROOT / lock).read_text().count('==')} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
