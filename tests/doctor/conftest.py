"""Installations to look at: settings, an environment of one's own, a table of mounts by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from governance.doctor import CHECKS, Finding, Installation, Status
from governance.settings import Settings

Look = Callable[..., list[Finding]]
Fit = Callable[..., Installation]


@pytest.fixture
def fit(tmp_path: Path) -> Fit:
    """An installation; `on` is the type of the file system that holds everything."""

    def made(
        environment: Mapping[str, str] = {}, on: str = "ext4", shared: bool = False, **given: Any
    ) -> Installation:
        table = tmp_path / "mounts"
        table.write_text(f"proc /proc proc rw 0 0\n/dev/x / {on} rw 0 0\n")
        settings = Settings.load(**({"home": tmp_path / "home"} | given))
        home = {"AIRFLOW_HOME": str(tmp_path / "airflow")}
        return Installation(settings, home | dict(environment), shared, mounts=table)

    return made


def only(check: str, installation: Installation) -> Finding:
    """The one finding of this check."""
    (found,) = CHECKS[check](installation)
    assert found.check == check
    return found


def said(findings: Iterable[Finding]) -> dict[str, Status]:
    return {finding.check: finding.status for finding in findings}
