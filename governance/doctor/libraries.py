"""Checks of what is installed: do the versions fit what this release was made with?

A wheel that was installed without its requirements, or beside Airflow's constraints, shows here and
not in a task at night. Neighbours: pyproject.toml says which versions; they are read from the
metadata of the installed distribution. Not promised: that fitting versions are without mistakes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement

from governance.doctor.finding import Finding, ok, problem, unknown, warning
from governance.doctor.installation import Installation

DISTRIBUTION = "airflow-model-governance"
OLDEST, NEWEST = (3, 11), (3, 13)
_VERIFY = "pip check"
# Fits only what was tried with it, and is no requirement of the package itself.
_AIRFLOW = "apache-airflow"


def libraries(installation: Installation) -> Iterator[Finding]:
    """Python, our requirements, and of the extras what is installed at all."""
    python = ".".join(map(str, sys.version_info[:3]))
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        found = f"Python {python}; this release knows 3.11 to 3.13"
        yield problem("libraries", found, "use one of these", "python --version")
        return
    try:
        release = metadata.version(DISTRIBUTION)
        asked = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        found = f"Python {python}; the distribution {DISTRIBUTION} is not installed"
        yield unknown("libraries", found, f"pip install {DISTRIBUTION}", _VERIFY)
        return
    hard, soft = unmet(asked)
    if hard:
        found = f"{DISTRIBUTION} {release}: {'; '.join(hard)}"
        yield problem("libraries", found, "install what it asks for in this Python", _VERIFY)
    for wrong in soft:
        remedy = "install the extra that was tried: airflow-model-governance[airflow]"
        yield warning("libraries", wrong, remedy, _VERIFY)
    if not hard and not soft:
        airflow = _installed(_AIRFLOW)
        beside = f", Airflow {airflow}" if airflow else ", no Airflow"
        yield ok("libraries", f"{DISTRIBUTION} {release}, Python {python}{beside}: all fit")


def unmet(asked: list[str]) -> tuple[list[str], list[str]]:
    """What is asked and not so: of the package itself, and of its extras where installed.

    >>> unmet(["typer>=99", "celery<0; extra == 'airflow'", "no-such-thing; extra == 'demo'"])[0]
    ['typer... is installed, typer>=99 is needed']
    """
    hard: list[str] = []
    soft: list[str] = []
    for text in asked:
        try:
            need = Requirement(text)
        except InvalidRequirement:
            continue
        optional = need.marker is not None and "extra" in str(need.marker)
        if need.marker is not None and not optional and not need.marker.evaluate():
            continue
        version = _installed(need.name)
        if version is None:
            if not optional:
                hard.append(f"{need.name} is not installed")
        elif not need.specifier.contains(version, prereleases=True):
            wants = f"{need.name}{need.specifier}"
            said = f"{need.name} {version} is installed, {wants} is needed"
            (soft if optional else hard).append(said + _why(need.name))
    return hard, soft


def _why(name: str) -> str:
    if name == "celery":
        return " (5.7.0 stops Airflow's scheduler and workers at their import)"
    return ""


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
