"""The bootstrap refuses what cannot work, in words, before it changes anything."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local import bootstrap
from local.bootstrap import (
    IN_PROGRESS,
    STAMP,
    Refused,
    is_current,
    openmp_problem,
    python_problem,
    uv_requirement,
    wanted,
    why_anew,
)

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "local" / "bootstrap.py"


@pytest.mark.parametrize("version", [(2, 7), (3, 6), (3, 10, 13), (3, 14), (4, 0)])
def test_another_python_is_refused_with_the_command_to_use(version: tuple[int, ...]) -> None:
    problem = python_problem(version)
    assert problem is not None
    assert "PYTHON=python3.12" in problem


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 1), (3, 13, 9)])
def test_a_supported_python_is_taken(version: tuple[int, ...]) -> None:
    assert python_problem(version) is None


def test_a_python_without_venv_is_refused_with_the_package_to_install() -> None:
    problem = python_problem((3, 12, 1), has_venv=False)
    assert problem is not None and "python3.12-venv" in problem


def test_a_missing_openmp_is_refused_with_the_package_to_install() -> None:
    assert "libgomp1" in str(openmp_problem("linux", lambda _: False))
    assert "brew install libomp" in str(openmp_problem("darwin", lambda _: False))
    assert openmp_problem("linux", lambda name: name == "libgomp.so.1") is None


def test_the_file_parses_on_a_python_that_it_must_refuse() -> None:
    ast.parse(SOURCE.read_text(), feature_version=(3, 6))
    assert "from __future__" not in SOURCE.read_text()  # annotations came with 3.7


def test_an_old_python_that_is_installed_here_gets_the_sentence() -> None:
    known = [Path("/usr/bin/python3")] + [
        Path(found) for v in range(6, 11) if (found := shutil.which(f"python3.{v}"))
    ]
    for python in known:
        asked = [str(python), "-c", "import sys; print(sys.version_info[:2] < (3, 11))"]
        answer = subprocess.run(asked, capture_output=True, text=True, check=False)
        if answer.stdout.strip() != "True":
            continue
        done = subprocess.run(
            [str(python), str(SOURCE), "demo"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert "PYTHON=python3.12" in done.stderr


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder with two lock files and a complete environment for the larger one."""
    for lock in bootstrap.LOCKS.values():
        (tmp_path / lock).write_text(f"# {lock}\nuv==1.0 \\\n    --hash=sha256:0\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    binaries = tmp_path / ".venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "python").symlink_to(sys.executable)
    (tmp_path / ".venv" / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.12.1\n")
    stamp = {**wanted(tmp_path, "dev"), "python": "3.12"}
    (tmp_path / ".venv" / STAMP).write_text(json.dumps(stamp))
    return tmp_path


def test_an_unchanged_lock_needs_no_work_and_the_larger_environment_serves_both(
    project: Path,
) -> None:
    assert is_current(project, "dev", "3.12")
    assert is_current(project, "demo", "3.12")


def test_another_python_than_that_of_the_environment_builds_it_anew(project: Path) -> None:
    assert not is_current(project, "dev", "3.13")
    reason = why_anew(project / ".venv", "3.13")
    assert reason is not None and "3.12" in reason
    assert why_anew(project / ".venv", "3.12") is None
    assert why_anew(project / "nowhere", "3.12") is not None


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_uses_the_environments_python_unless_another_is_named(project: Path) -> None:
    shutil.copy(ROOT / "Makefile", project)

    def first_command(*asked: str) -> str:
        line = ["make", "--no-print-directory", "--dry-run", "runtime", *asked]
        # Of a `make test` around this test, nothing may be heard.
        outer = ("PYTHON", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS")
        environment = {k: v for k, v in os.environ.items() if k not in outer}
        done = subprocess.run(
            line, cwd=project, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.split()[0]

    assert first_command() == ".venv/bin/python"
    assert first_command("PYTHON=python3.13") == "python3.13"


def test_a_second_make_waits_for_the_first_and_says_so(project: Path) -> None:
    program = """
import sys
from pathlib import Path
from local.bootstrap import only_one
with only_one(Path(sys.argv[1])):
    print("done", file=sys.stderr)
"""
    with bootstrap.only_one(project):
        second = subprocess.Popen(
            [sys.executable, "-c", program, str(project)],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert second.stderr is not None
        assert "waiting" in second.stderr.readline()
    assert second.communicate()[1] == "done\n"
    assert second.returncode == 0


@pytest.mark.parametrize("file", ["requirements-dev.txt", "pyproject.toml"])
def test_a_changed_lock_or_project_is_installed_again(project: Path, file: str) -> None:
    (project / file).write_text((project / file).read_text() + "# changed\n")
    assert not is_current(project, "dev", "3.12")


def test_an_environment_whose_making_was_killed_is_not_trusted(project: Path) -> None:
    (project / ".venv" / IN_PROGRESS).touch()
    assert not is_current(project, "dev", "3.12")


def test_an_environment_that_was_moved_or_lost_its_python_is_not_trusted(project: Path) -> None:
    (project / ".venv" / "bin" / "python").unlink()
    (project / ".venv" / "bin" / "python").symlink_to(project / "gone")
    assert not is_current(project, "dev", "3.12")


def test_every_lock_pins_uv_so_that_it_can_install_itself() -> None:
    for lock in bootstrap.LOCKS.values():
        pinned = uv_requirement((ROOT / lock).read_text())
        assert pinned.startswith("uv==") and "--hash=sha256:" in pinned
        assert "# via" not in pinned
    with pytest.raises(Refused, match="make lock"):
        uv_requirement("a==1\n")


def test_wrong_use_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.main(["production"]) == 2
    assert "demo|dev" in capsys.readouterr().err
