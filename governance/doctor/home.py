"""Checks of the home: is it there and writable, whole, shared where it must be, and up to date?

Nothing is written but one file without a name, which the system forgets when it is closed.
Neighbours: ``mounts`` tells file systems apart, ``registry.home_owner`` whose files these are.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from sqlalchemy import bindparam, select

from governance.doctor.finding import Finding, counted, listed, ok, problem, unknown, warning
from governance.doctor.installation import Installation
from governance.doctor.mounts import Mount, mount_of
from governance.registry import home_owner, records
from governance.registry.artifacts import ArtifactStore
from governance.store.database import database_time
from governance.store.schema import audit_log
from governance.values import iso

FULL, NEARLY_FULL = 100 * 2**20, 2**30  # bytes
LAG = timedelta(minutes=10)  # the files follow at once, or with the next change
_LEFTOVER = timedelta(hours=1)
_FOLDERS = ("models", "active", "staging", "predictions", "reports")
_BEHIND = (
    select(audit_log.c.seq)
    .where(
        audit_log.c.seq > bindparam("place"),
        audit_log.c.version_id != "",
        audit_log.c.recorded_at < bindparam("before"),
    )
    .limit(1)
)
_ELSEWHERE = "put GOVERNANCE_HOME on a file system that all workers mount (NFS, CephFS, EFS)"


def home(installation: Installation) -> Iterator[Finding]:
    """There, writable, on one file system, with room."""
    place = installation.settings.home
    if not place.is_dir():
        found = f"{place} is no folder" if place.exists() else f"there is no {place}"
        yield problem("home", found, "set GOVERNANCE_HOME (--home), then `governance init`")
        return
    looked_at = place
    try:
        _writes(place)
        folders = [place / name for name in _FOLDERS if (place / name).exists()]
        for looked_at in folders:
            _writes(looked_at)
    except OSError as error:
        found = f"{looked_at} cannot be written: {error.strerror}"
        yield problem("home", found, "give this user the right to write there, or free space")
        return
    others = [one.name for one in folders if one.stat().st_dev != place.stat().st_dev]
    if others:
        found = f"{', '.join(others)} in {place} lie on another file system than the home"
        remedy = "keep the home on one file system: files are moved into their places in one step"
        yield problem("home", found, remedy)
        return
    free = shutil.disk_usage(place).free
    found = f"{place} is writable, {free / 2**30:.1f} GiB free"
    if free < FULL:
        yield problem("home", found, "free space: registrations are refused soon", f"df {place}")
    elif free < NEARLY_FULL:
        yield warning("home", found, "free space, `governance registry gc` helps", f"df {place}")
    else:
        yield ok("home", found)


def _writes(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"x")


def shared(installation: Installation) -> Iterator[Finding]:
    """Do all who run tasks see the same home?"""
    check, airflow = "home shared", installation.airflow
    mount = mount_of(installation.settings.home, installation.mounts)
    on = _named(installation.settings.home, mount)
    if airflow.executors is None:
        yield unknown(
            check,
            f"{on}; which executor runs the tasks is not known here",
            "run this where Airflow's settings are (AIRFLOW__CORE__EXECUTOR or airflow.cfg)",
            "airflow config get-value core executor",
        )
    elif airflow.elsewhere:
        yield _seen_by_all(check, on, mount, installation)
    elif airflow.only_here:
        yield ok(check, f"{on}; {listed(airflow.executors, 'runs', 'run')} tasks on this machine")
    else:
        names = listed(airflow.executors, "runs", "run")
        found = f"{on}; where {names} tasks is not known"
        yield unknown(check, found, f"if that is on other machines, {_ELSEWHERE}")


def _seen_by_all(check: str, on: str, mount: Mount | None, installation: Installation) -> Finding:
    names = ", ".join(installation.airflow.elsewhere)
    run = listed(installation.airflow.elsewhere, "runs", "run")
    verify = f"ls {installation.settings.home} on a worker"
    if mount is not None and mount.reach == "shared":
        return ok(check, f"{on}, which {names} can mount on every machine")
    if installation.home_is_shared:
        found = f"{on}; that every worker of {names} sees this folder is vouched for, not proven"
        return warning(check, found, "look on a worker once", verify)
    if mount is not None and mount.reach == "local":
        found = f"{on}, and {run} tasks that do not see it"
        remedy = f"{_ELSEWHERE}; where all workers mount this very folder, say --home-is-shared"
        return problem(check, found, remedy, verify)
    return unknown(check, f"{on}; {run} tasks on other machines", _ELSEWHERE, verify)


def _named(place: Path, mount: Mount | None) -> str:
    if mount is None:
        return f"{place} is on a file system that this system does not name"
    return f"{place} is on {mount.kind}" + (" (this machine's)" if mount.reach == "local" else "")


def files(installation: Installation) -> Iterator[Finding]:
    """Do the files follow the database, and is anything left that nobody knows?"""
    place = installation.settings.home
    check = "files"
    with installation.database() as opened, opened.read() as connection:
        index = home_owner.index_mark(place)
        ours = home_owner.is_ours(connection, place, index=index)
        known = set(records.artifact_paths(connection))
        now = database_time(connection)
        place_in_log = 0 if index is None else index["seq"]
        behind = connection.execute(
            _BEHIND, {"place": place_in_log, "before": iso(now - LAG)}
        ).all()
    if not ours:
        yield problem(
            check,
            f"the files in {place} belong to another database, or to a later state of this one",
            "check GOVERNANCE_HOME and GOVERNANCE_DATABASE_URL; after a restore: "
            "`governance reconcile --adopt`",
            "governance reconcile --check",
        )
        return
    missing = sorted(path for path in known if not (place / path).is_dir())
    if missing:
        yield problem(
            check,
            f"{len(missing)} of {counted(len(known), 'artifact')} "
            f"{'is' if len(missing) == 1 else 'are'} missing, the first is {missing[0]}",
            "put the home's backup back; a version without its artifact cannot be loaded",
            "governance health check",
        )
    if behind and known:
        yield warning(
            check,
            f"what the audit log said {LAG.seconds // 60} minutes ago is not in the files yet "
            "(documents, active links, registry_index.json)",
            "run `governance reconcile`",
            "governance reconcile --check",
        )
    if orphans := ArtifactStore(place).orphans(known, now - _LEFTOVER):
        yield warning(
            check,
            f"{counted(len(orphans), 'folder')} that no version knows",
            "run `governance registry gc`",
            "governance registry gc --dry-run",
        )
    if not missing and not orphans and not (behind and known):
        there = counted(len(known), "artifact", "in its place", "in their places")
        yield ok(check, f"{there}, and the files that follow are up to date")


def predictions(installation: Installation) -> Iterator[Finding]:
    """Where `governance serve` logs what it answers, and the drift scan reads it."""
    folder = installation.settings.home / "predictions"
    if not folder.exists():
        yield unknown(
            "predictions",
            f"{folder} is not there: nothing was served on this home yet",
            "nothing, unless predictions are served: then look at GOVERNANCE_HOME of the server",
            "governance serve",
        )
    elif not os.access(folder, os.W_OK | os.X_OK):
        remedy = "give the user of `governance serve` the right to write there"
        yield problem("predictions", f"{folder} may not be written by this user", remedy)
    else:
        days = installation.settings.prediction_log_days
        kept = f"kept {counted(days, 'day')}" if days else "kept until somebody removes them"
        yield ok("predictions", f"{folder} is writable; predictions are {kept}")
