"""Checks of Airflow's side: is our plugin found, once, and do tasks use this database?

Nothing of Airflow is imported (``airflow_settings``), so the plugin is looked for where Airflow
will: among the entry points of installed distributions, and in its plugins folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from governance.doctor.finding import Finding, ok, problem, unknown, warning
from governance.doctor.installation import Installation

GROUP = "airflow.plugins"
PACKAGE = "governance_airflow"
FILE = "governance_plugin.py"
_CONNECTION = "governance_db"
_VERIFY = "airflow plugins"
_REINSTALL = "install the distribution airflow-model-governance again"


def plugin(installation: Installation) -> Iterator[Finding]:
    """Found, importable, and found once."""
    folder = installation.airflow.plugins
    if not installation.airflow.installed:
        found = "there is no Airflow in this Python"
        remedy = "run this with the Python of the API server (without Airflow nothing is missing)"
        yield unknown("plugin", found, remedy, _VERIFY)
        return
    points = [one for one in metadata.entry_points(group=GROUP) if _is_ours(one)]
    file = folder / FILE
    if not points and not file.is_file():
        found = f"Airflow finds no plugin of ours: no entry point, no {FILE} in {folder}"
        yield problem("plugin", found, _REINSTALL, _VERIFY)
        return
    if broken := [point.value for point in points if not _exists(point)]:
        found = f"the entry point names {broken[0]}, which is not there"
        yield problem("plugin", found, _REINSTALL, _VERIFY)
        return
    if not points and find_spec(PACKAGE) is None and not (folder / PACKAGE).is_dir():
        found = f"{file} is there, and the package {PACKAGE} that it needs is not"
        yield problem("plugin", found, _REINSTALL, _VERIFY)
        return
    if twice := _twice(points, file):
        remedy = f"remove {file}; the installed distribution is enough"
        yield warning("plugin", twice, remedy, _VERIFY)
    elif (folder / PACKAGE).is_dir() and not _left_out(folder):
        found = f"{folder} holds {PACKAGE}/, whose every file Airflow takes for a plugin"
        yield problem(
            "plugin", found, f"write {PACKAGE}/ into {folder / '.airflowignore'}", _VERIFY
        )
    else:
        how = "the entry point" if points else str(file)
        yield ok("plugin", f"Airflow finds it by {how}")


def _is_ours(point: metadata.EntryPoint) -> bool:
    return point.value.partition(".")[0].partition(":")[0] == PACKAGE


def _exists(point: metadata.EntryPoint) -> bool:
    try:
        return find_spec(point.module) is not None
    except ModuleNotFoundError:
        return False


def _twice(points: list[metadata.EntryPoint], file: Path) -> str:
    """The file that this release ships gives way to an entry point; an older one does not."""
    if len({(point.name, point.value) for point in points}) > 1:
        return "two installed distributions bring the plugin"
    try:
        text = file.read_text(encoding="utf-8", errors="replace") if points else ""
    except OSError:
        return ""
    if text and "has_entry_point" not in text:
        return f"{file} is of an older release and is loaded beside the entry point"
    return ""


def _left_out(folder: Path) -> bool:
    try:
        lines = (folder / ".airflowignore").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    return any(line.strip().strip("/").removesuffix("/*") == PACKAGE for line in lines)


def connection(installation: Installation) -> Iterator[Finding]:
    """Tasks ask Airflow's connection first: it must name the database that commands use."""
    check = "connection"
    try:
        found = installation.airflow.connection(_CONNECTION)
    except ValueError as error:
        yield problem(check, str(error), "write it as JSON (how-to/run-on-postgresql.md)")
        return
    if found is not None:
        yield _compared(found, installation)
    elif installation.airflow.installed:
        yield unknown(
            check,
            f"AIRFLOW_CONN_{_CONNECTION.upper()} is not set here, so tasks use the database of the "
            f"settings, unless Airflow stores a connection {_CONNECTION}",
            "look whether it stores one",
            f"airflow connections get {_CONNECTION}",
        )
    else:
        yield unknown(check, "there is no Airflow in this Python", "nothing, without Airflow")


def _compared(found: dict[str, Any], installation: Installation) -> Finding:
    """By what tells databases apart; names of one server may differ, hence no certainty."""
    url = installation.url
    if found.get("conn_type") == "sqlite":
        theirs: tuple[Any, ...] = ("sqlite", str(found.get("host") or found.get("schema") or ""))
    else:
        port = int(found.get("port") or 5432)
        theirs = ("postgresql", found.get("host") or "", port, found.get("schema") or "")
    file = installation.sqlite_file
    if file is not None:
        ours: tuple[Any, ...] = ("sqlite", str(file))
    else:
        ours = ("postgresql", url.host or "", url.port or 5432, url.database or "")
    if theirs == ours:
        return ok("connection", f"tasks and commands use one database ({_shown(ours)})")
    return problem(
        "connection",
        f"tasks use {_shown(theirs)}, this command {_shown(ours)}",
        f"let AIRFLOW_CONN_{_CONNECTION.upper()} and GOVERNANCE_DATABASE_URL name one database",
    )


def _shown(place: tuple[Any, ...]) -> str:
    """
    >>> _shown(("postgresql", "db.example", 5432, "governance"))
    'postgresql db.example:5432/governance'
    """
    if place[0] == "sqlite":
        return f"sqlite {place[1]}"
    return f"{place[0]} {place[1]}:{place[2]}/{place[3]}"
