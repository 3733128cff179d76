"""docs/how-to/add-it-to-your-deployment.md, typed into a shell beside an Airflow that is not ours.

The environment has the wheel and not this checkout; the Airflow home is a second, empty one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.docs.pages import _blocks
from tests.installation.conftest import ROOT, bare

PAGE = "how-to/add-it-to-your-deployment.md"
PASSWORD = "anns-password"
FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"


class Walked(NamedTuple):
    """Where the page was followed, and what each command answered."""

    folder: Path
    programs: Path
    answers: dict[str, str]


def test_the_wheel_holds_both_packages_and_nothing_else(wheel: Path) -> None:
    """Templates, migrations, static files and schemas among them, whatever is added."""
    wanted = set()
    for package, place in (("governance", ROOT), ("governance_airflow", ROOT / "plugins")):
        for path in (place / package).rglob("*"):
            if path.is_file() and not {"__pycache__"} & set(path.parts):
                wanted.add(path.relative_to(place).as_posix())
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        (points,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        text = archive.read(points).decode()
    assert names == wanted
    kinds = {Path(name).suffix for name in names}
    assert {".py", ".yaml", ".html", ".css", ".typed"} <= kinds
    assert "[airflow.plugins]\ngovernance = governance_airflow.airflow_plugin" in text


@pytest.fixture(scope="module")
def walked(
    wheel: Path,
    somebodys: Path,
    airflow_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Walked:
    """The page, from its first block to its last, in one shell."""
    folder = tmp_path_factory.mktemp("srv")
    (folder / "airflow" / "plugins").mkdir(parents=True)
    shutil.copy(airflow_template, folder / "airflow" / "airflow.db")
    shutil.copy(wheel, folder)
    lines = ["set -eu"]
    for language, kind, name, body in _blocks(PAGE):
        if kind == "file":
            lines.append(f"mkdir -p {Path(name).parent}\ncat > {name} <<'END OF FILE'")
            lines.append(f"{body}END OF FILE")
        elif language == "sh":
            for command in filter(None, body.splitlines()):
                lines.append(f"echo '$ {command}'\n{command.replace('/srv', str(folder))}")
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        cwd=folder,
        env=bare(folder, somebodys),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    parts = re.split(r"^\$ (.*)\n", done.stdout, flags=re.MULTILINE)[1:]
    return Walked(folder, somebodys, dict(zip(parts[::2], parts[1::2], strict=True)))


def said(walked: Walked, beginning: str) -> str:
    (answer,) = [text for line, text in walked.answers.items() if line.startswith(beginning)]
    return answer


def test_the_page_ends_with_a_governed_model_in_production(walked: Walked) -> None:
    assert "demand" in said(walked, "governance config check")
    shown = said(walked, "governance registry show")
    assert "validated" in shown and "dataset_hash" in shown
    (active,) = [
        line.split()
        for line in said(walked, "governance promotion history").splitlines()
        if "pilot" in line
    ]
    assert active[:4] == ["1", "1.0.0", "promotion", "yes"] and "ann" in active
    assert (walked.folder / "governance" / "active").is_dir()


def test_the_doctor_finds_no_problem_and_the_plugin(walked: Walked) -> None:
    lines = said(walked, "governance doctor").splitlines()
    by_check = {tuple(line.split()[:2][::-1]) for line in lines if line.split()}
    for check in ("plugin", "database", "schema", "home", "governance.yaml", "libraries"):
        assert (check, "ok") in by_check, lines


def ask(walked: Walked, tmp_path: Path, **variables: str) -> dict[str, Any]:
    """An API server of this Airflow, and in its plugins folder the file that we ship as well."""
    shutil.copy(ROOT / "plugins" / "governance_plugin.py", tmp_path)
    passwords = tmp_path / "passwords.json"
    passwords.write_text(json.dumps({"ann": PASSWORD}))
    told = {
        "GOVERNANCE_HOME": str(walked.folder / "governance"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "ann:viewer",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        **variables,
    }
    script = Path(__file__).with_name("asking_airflow.py")
    done = subprocess.run(
        [str(walked.programs / "python"), str(script), str(tmp_path), "ann", PASSWORD],
        cwd=tmp_path,
        env=bare(walked.folder, walked.programs, **told),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("{")]
    answer: dict[str, Any] = json.loads(line)
    return answer


def test_the_plugin_is_there_once_by_whichever_way(walked: Walked, tmp_path: Path) -> None:
    """And ann, a mere viewer in Airflow, is the admin that the page's YAML makes her."""
    found = ask(walked, tmp_path)
    assert Path(found["from"]).is_relative_to(walked.programs.parent)  # the wheel's, not ours
    for way in ("wheel", "both"):
        (source,) = found[way]["sources"]
        assert source.startswith("airflow-model-governance==") and found[way]["errors"] == {}
    assert_served(found)


def assert_served(found: dict[str, Any]) -> None:
    assert found["anonymous"] == 401
    assert found["models"] == ["demand"] and found["config"] == found["document"] == 200
    assert found["page"] == [200, True] and found["closed"][1] is False
    assert found["views"] == ["Governance"]  # in Airflow's navigation, once


@pytest.mark.slow
@pytest.mark.skipif(
    os.environ.get("GOVERNANCE_FAULTS") != "full",
    reason="the FAB auth manager beside the wheel: `make faults`; tests/plugin has it every time",
)
def test_under_the_fab_auth_manager(walked: Walked, tmp_path: Path) -> None:
    found = ask(walked, tmp_path, AIRFLOW__CORE__AUTH_MANAGER=FAB)
    assert_served(found)


def test_this_environment_has_a_python_of_the_wheels_own(somebodys: Path) -> None:
    """Else nothing above would show that the wheel is enough."""
    looked = (
        "import sys, importlib.util as u; "
        "print([p for p in sys.path if 'site-packages' in p], u.find_spec('tests'))"
    )
    done = subprocess.run(
        [str(somebodys / "python"), "-I", "-c", looked], capture_output=True, text=True, check=True
    )
    assert str(somebodys.parent) in done.stdout and done.stdout.strip().endswith("None")
    assert str(ROOT) not in done.stdout.replace(sys.prefix, "")
