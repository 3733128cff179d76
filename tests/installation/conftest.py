"""Somebody's environment: all that we need, of our own nothing but the wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.plugin.conftest import airflow_template

__all__ = ["airflow_template"]

ROOT = Path(__file__).resolve().parents[2]
UV = str(Path(sys.executable).with_name("uv"))


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distribution, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [UV, "build", "--wheel", "--offline", "--no-build-isolation", "--quiet"]
    command = [*build, "--python", sys.executable, "--out-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="session")
def somebodys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`bin/` of an environment with everything that is installed here, except this product.

    `pip` there takes a file from the disk and asks no network; requirements are there already.
    """
    venv = tmp_path_factory.mktemp("somebodys") / "venv"
    base = getattr(sys, "_base_executable", sys.executable)
    subprocess.run([base, "-m", "venv", "--without-pip", str(venv)], check=True)
    (packages,) = venv.glob("lib/python*/site-packages")
    for one in Path(sysconfig.get_path("purelib")).iterdir():
        if "airflow_model_governance" not in one.name:
            (packages / one.name).symlink_to(one)
    scripts = {
        "airflow": f'exec {venv}/bin/python -m airflow "$@"',
        "pip": (
            '[ "$1" = install ] || exit 2\nshift\n'
            f'exec {UV} pip install --quiet --offline --no-deps --python {venv}/bin/python "$@"'
        ),
    }
    for name, line in scripts.items():
        (venv / "bin" / name).write_text(f"#!/bin/sh\n{line}\n")
        (venv / "bin" / name).chmod(0o755)
    return venv / "bin"


def bare(folder: Path, programs: Path, **variables: str) -> dict[str, str]:
    """The environment of a shell in which nothing of ours was ever named."""
    ours = ("AIRFLOW", "GOVERNANCE_", "PYTHON", "VIRTUAL_ENV")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    airflow = folder / "airflow"
    return kept | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "200",
        "GOVERNANCE_ACTOR": "ann",
        "AIRFLOW_HOME": str(airflow),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{airflow / 'airflow.db'}",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_ENABLED": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "AIRFLOW__API__SECRET_KEY": "of the tests",
        "AIRFLOW__API_AUTH__JWT_SECRET": "of these tests alone, and long enough to sign with " * 2,
        **variables,
    }
