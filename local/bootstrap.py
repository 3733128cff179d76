"""Makes `.venv` from a lock file, or says in one sentence what is missing on this machine.

    python3 local/bootstrap.py demo     # what the product and its demo need
    python3 local/bootstrap.py dev      # that, and what tests and linters need

Only the standard library, and only syntax that Python 3.6 parses, so that an old Python is refused
politely. Every download is checked against the hashes in the lock. A second run with an unchanged
lock does nothing; after a killed run, or with another Python, the folder is built anew.

Not promised: a system-wide installation, Windows without WSL, other places than `.venv`.
"""

import contextlib
import ctypes
import ctypes.util
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Tuple

ROOT = Path(__file__).resolve().parent.parent
OLDEST, NEWEST = (3, 11), (3, 13)
LOCKS = {"demo": "requirements-demo.txt", "dev": "requirements-dev.txt"}
IN_PROGRESS = "installing"
STAMP = "installed.json"


class Refused(Exception):
    """This machine lacks something; the text says what to do."""


# -- what the machine must have -------------------------------------------------------------------


def python_problem(version: Tuple[int, ...], *, has_venv: bool = True) -> Optional[str]:
    """Why this Python cannot be used, with the remedy; None if it can.

    >>> python_problem((3, 12, 1)) is None
    True
    """
    name = ".".join(map(str, version[:2]))
    if not OLDEST <= tuple(version[:2]) <= NEWEST:
        return (
            "Python {} cannot run this; Airflow 3.3 here needs 3.11, 3.12 or 3.13. "
            "Name one that is installed, for example: make demo PYTHON=python3.12".format(name)
        )
    if not has_venv:
        return (
            "this Python {0} has no venv module; install it (Debian, Ubuntu: "
            "sudo apt-get install python{0}-venv) and run the command again".format(name)
        )
    return None


def openmp_problem(platform: str, found: Callable[[str], bool]) -> Optional[str]:
    """LightGBM needs the OpenMP runtime, which no wheel brings along."""
    if platform.startswith("linux") and not found("libgomp.so.1"):
        return (
            "libgomp (the OpenMP runtime that LightGBM needs) is missing; install it (Debian, "
            "Ubuntu: sudo apt-get install libgomp1; Fedora, RHEL: sudo dnf install libgomp) "
            "and run the command again"
        )
    homes = ("/opt/homebrew/opt/libomp/lib", "/usr/local/opt/libomp/lib", "/opt/local/lib/libomp")
    if platform == "darwin" and not any(found(home + "/libomp.dylib") for home in homes):
        return (
            "libomp (the OpenMP runtime that LightGBM needs) is missing; "
            "run: brew install libomp, and then the command again"
        )
    return None


def can_load(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def check_machine() -> None:
    if os.name != "posix":
        raise Refused(
            "Airflow runs on Linux and macOS; on Windows use WSL 2 and run this inside it"
        )
    has_venv = all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))
    problem = python_problem(sys.version_info[:3], has_venv=has_venv)
    problem = problem or openmp_problem(sys.platform, can_load)
    if problem:
        raise Refused(problem)


# -- what is there already ------------------------------------------------------------------------


def wanted(root: Path, lock: str) -> Dict[str, str]:
    """What decides whether an installation is still the right one."""
    digest = hashlib.sha256((root / LOCKS[lock]).read_bytes())
    digest.update((root / "pyproject.toml").read_bytes())
    return {"lock": lock, "digest": digest.hexdigest(), "root": str(root)}


def is_current(root: Path, lock: str, version: str) -> bool:
    """Is `.venv` complete, of this Python and from this lock? The dev lock contains the demo's."""
    venv = root / ".venv"
    try:
        stamp = json.loads((venv / STAMP).read_text())
        target = os.stat(str(venv / "bin" / "python"))
    except (OSError, ValueError):
        return False
    if (venv / IN_PROGRESS).exists() or not target or python_of(venv) != version:
        return False
    names = {lock, "dev"}
    return any(dict(wanted(root, name), python=version) == stamp for name in names)


def python_of(venv: Path) -> Optional[str]:
    """`3.11` from the folder's own configuration; None where there is none."""
    try:
        lines = (venv / "pyvenv.cfg").read_text().splitlines()
    except OSError:
        return None
    found = dict(line.split(" = ", 1) for line in lines if " = " in line)
    return ".".join(found.get("version", "").split(".")[:2])


def why_anew(venv: Path, version: str) -> Optional[str]:
    """Why the folder cannot be kept and completed; None if it can."""
    if not venv.exists():
        return "there is none"
    if (venv / IN_PROGRESS).exists():
        return "the last installation did not end"
    if python_of(venv) != version:
        return "the one that is there has Python {}".format(
            python_of(venv) or "of no known version"
        )
    if not succeeds(str(venv / "bin" / "python"), "-c", ""):
        return "the Python of the one that is there does not start"
    return None


def uv_requirement(lock_text: str) -> str:
    r"""The lines of a lock file that pin uv, hashes included.

    >>> print(uv_requirement("a==1\nuv==2 \\\n    --hash=sha256:1\n    # via x\nz==3\n"))
    uv==2 \
        --hash=sha256:1
    """
    lines = []  # type: List[str]
    for line in lock_text.splitlines():
        if line.startswith("uv==") or (lines and line.strip().startswith("--hash=")):
            lines.append(line)
        elif lines:
            break
    if not lines:
        raise Refused("the lock file pins no uv; run `make lock` on a machine that has a `.venv`")
    return "\n".join(lines) + "\n"


# -- making it ------------------------------------------------------------------------------------


@contextlib.contextmanager
def only_one(root: Path) -> Iterator[None]:
    """Two `make` at once: the second waits, and then finds the work done."""
    handle = os.open(str(root), os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another `make` is installing here; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def run(*command: str) -> None:
    subprocess.run(command, check=True, cwd=str(ROOT), env=clean_environment())


def clean_environment() -> Dict[str, str]:
    """Without what would send an installation elsewhere than to `.venv`."""
    drop = ("VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_USER")
    return {key: value for key, value in os.environ.items() if key not in drop}


def new_venv(venv: Path) -> None:
    if venv.is_symlink():
        raise Refused("{} is a symbolic link; remove it, this command makes a folder".format(venv))
    shutil.rmtree(str(venv), ignore_errors=True)
    venv.mkdir(parents=True, exist_ok=True)
    (venv / IN_PROGRESS).touch()
    # A Python inside the folder that was just removed cannot build the next one.
    run(getattr(sys, "_base_executable", None) or sys.executable, "-m", "venv", str(venv))


def install(venv: Path, lock: Path) -> None:
    python = str(venv / "bin" / "python")
    if not succeeds(python, "-m", "pip", "--version"):
        run(python, "-m", "ensurepip")
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "uv.txt"
        pinned.write_text(uv_requirement(lock.read_text()))
        pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        run(*pip, "--require-hashes", "--no-deps", "-r", str(pinned))
    uv = (str(venv / "bin" / "uv"), "pip")
    try:
        run(*uv, "sync", "--quiet", "--python", python, "--require-hashes", str(lock))
    except subprocess.CalledProcessError:
        say("uv could not install (it does not read pip's settings); trying pip, which is slower")
        run(*pip, "--require-hashes", "--no-deps", "-r", str(lock))
    # The project itself: its build backend is in the lock, so this needs no network.
    local = ("--quiet", "--python", python, "--offline", "--no-build-isolation", "--no-deps")
    run(*uv, "install", *local, "--editable", str(ROOT))


def say(text: str) -> None:
    print("bootstrap: " + text, file=sys.stderr, flush=True)


def make(lock: str) -> None:
    check_machine()
    with only_one(ROOT):
        # The Python that runs this is the one that PYTHON= named, or that of `.venv` itself.
        version = ".".join(map(str, sys.version_info[:2]))
        if is_current(ROOT, lock, version):
            return
        venv = ROOT / ".venv"
        reason = why_anew(venv, version)
        if reason:
            say("making .venv with Python {}: {}".format(version, reason))
            new_venv(venv)
        say("installing {} (the first time downloads about 400 MB)".format(LOCKS[lock]))
        (venv / IN_PROGRESS).touch()
        install(venv, ROOT / LOCKS[lock])
        stamp = dict(wanted(ROOT, lock), python=python_of(venv))
        (venv / STAMP).write_text(json.dumps(stamp, indent=2) + "\n")
        (venv / IN_PROGRESS).unlink()


def succeeds(*command: str) -> bool:
    try:
        silent = subprocess.DEVNULL
        return subprocess.run(command, check=False, stdout=silent, stderr=silent).returncode == 0
    except OSError:
        return False


def main(arguments: List[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in LOCKS:
        say("usage: python3 local/bootstrap.py {}".format("|".join(sorted(LOCKS))))
        return 2
    try:
        make(arguments[0])
    except Refused as refusal:
        say(str(refusal))
        return 1
    except subprocess.CalledProcessError as error:
        say(
            "installing failed (the output above says why); with the network back or space "
            "on the disk, run the same command again: {}".format(" ".join(map(str, error.cmd[:6])))
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
