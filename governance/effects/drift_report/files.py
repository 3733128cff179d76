"""Where a report's page lies: ``<home>/reports/drift/<model>/<at>.html``, and how people reach it.

The place follows from model and moment alone, so a message may name it before the page is written;
writing it again replaces it in one step. Nothing is deleted here.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path, PurePosixPath

from governance.files import make_folders, storage_errors, write_atomic
from governance.values import check_model_name, iso

FOLDER = "reports"


def report_name(model: str, at: datetime) -> PurePosixPath:
    """Below ``<home>/reports``; without colons, which some file systems and URLs dislike.

    >>> from datetime import UTC
    >>> str(report_name("arrival_delay", datetime(2013, 2, 8, 18, tzinfo=UTC)))
    'drift/arrival_delay/2013-02-08T180000Z.html'
    """
    moment = iso(at).replace(":", "").replace(".000000", "")
    return PurePosixPath("drift", check_model_name(model), f"{moment}.html")


def report_path(home: Path, model: str, at: datetime) -> Path:
    return home / FOLDER / report_name(model, at)


def report_link(reports: str, model: str, at: datetime) -> str:
    """What people open.

    Args:
        reports: how they see ``<home>/reports``: a URL (``Settings.report_url``) or the folder.

    >>> from datetime import UTC
    >>> at = datetime(2013, 2, 8, 18, tzinfo=UTC)
    >>> report_link("https://reports.example.com/", "m", at)
    'https://reports.example.com/drift/m/2013-02-08T180000Z.html'
    >>> report_link("/srv/home/reports", "m", at)
    '/srv/home/reports/drift/m/2013-02-08T180000Z.html'
    """
    return f"{reports.rstrip('/')}/{report_name(model, at)}"


def write_report(home: Path, model: str, at: datetime, page: str, *, report_url: str = "") -> str:
    """Put ``page`` in its place, durably, and answer with its link.

    Raises:
        StorageFullError, StorageUnavailableError: nothing was changed.
    """
    path = report_path(home, model, at)
    with storage_errors(f"make the folder {path.parent}"):
        make_folders(path.parent)
    write_atomic(path, page.encode())
    return report_link(report_url or str(home / FOLDER), model, at)
