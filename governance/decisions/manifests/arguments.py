"""What callers of a governed folder give, checked before a lock is taken."""

from __future__ import annotations

from pathlib import Path

from governance.decisions.manifests.foreign import LABEL
from governance.errors import InvalidInputError, NotFoundError, ReasonRequiredError
from governance.policy.people import visible
from governance.registry import attachments


def check_folder(folder: Path) -> None:
    """
    Raises:
        NotFoundError: it is none.
    """
    try:
        there = folder.is_dir()
    except (OSError, ValueError):  # a name that is too long, or holds a NUL
        there = False
    if not there:
        raise NotFoundError(
            f"{str(folder)[:300]!r} is no folder; give the trainer's folder (--models-dir)"
        )


def check_label(version: object) -> None:
    """``None``, or a version label such as v010."""
    if version is not None and not (isinstance(version, str) and LABEL.fullmatch(version)):
        raise InvalidInputError(f"{str(version)[:80]!r} is no version label; write v010")


def check_people(by: str, reason: str | None, *, force: bool) -> None:
    """Who and why; a forced call needs a reason."""
    attachments.check_person(by, what="by")
    if reason is not None:
        attachments.check_text(reason, what="reason", limit=2000)
    if force and not visible(reason or ""):
        raise ReasonRequiredError("a forced promotion needs a reason; say why it cannot wait")
