"""What a check says: one `Finding`, and the four words that it may use. Pure.

``ok`` is said of what was looked at and is right. Where there was nothing to look at, or no way to,
the word is ``unknown``, never ``ok``. ``examination`` collects findings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    OK = "ok"
    WARNING = "warning"  # works, and will not always
    PROBLEM = "problem"  # does not work, or loses something
    UNKNOWN = "unknown"  # could not be looked at


_WORST = (Status.PROBLEM, Status.WARNING, Status.UNKNOWN, Status.OK)


@dataclass(frozen=True, slots=True)
class Finding:
    """
    Attributes:
        check: its name.
        found: what is the case, in a sentence; never a secret.
        remedy: what to do; empty where nothing is to be done.
        verify: a command or place that shows whether it was mended.
    """

    check: str
    status: Status
    found: str
    remedy: str = ""
    verify: str = "governance doctor"

    def as_json(self) -> dict[str, Any]:
        return {
            "check": self.check,
            "status": self.status.value,
            "found": self.found,
            "remedy": self.remedy,
            "verify": "" if self.status is Status.OK else self.verify,
        }


def counted(number: int, noun: str, one: str = "", many: str = "") -> str:
    """
    >>> counted(1, "model"), counted(0, "message", "waits", "wait"), counted(2, "address")
    ('1 model', '0 messages wait', '2 addresses')
    """
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    verb = one if number == 1 else many
    return f"{number} {noun if number == 1 else plural}{' ' if verb else ''}{verb}"


def listed(names: Sequence[str], one: str, many: str) -> str:
    """
    >>> listed(["a"], "runs", "run"), listed(["a", "b"], "runs", "run")
    ('a runs', 'a, b run')
    """
    return f"{', '.join(names)} {one if len(names) == 1 else many}"


def worst(findings: Iterable[Finding]) -> Status:
    """The one that an installation is judged by; without a finding nothing is known.

    >>> worst([Finding("clock", Status.OK, ""), Finding("mail", Status.UNKNOWN, "")]).value
    'unknown'
    >>> worst([]).value
    'unknown'
    """
    found = {finding.status for finding in findings}
    return next((status for status in _WORST if status in found), Status.UNKNOWN)


def ok(check: str, found: str) -> Finding:
    return Finding(check, Status.OK, found)


def warning(check: str, found: str, remedy: str, verify: str = "governance doctor") -> Finding:
    return Finding(check, Status.WARNING, found, remedy, verify)


def problem(check: str, found: str, remedy: str, verify: str = "governance doctor") -> Finding:
    return Finding(check, Status.PROBLEM, found, remedy, verify)


def unknown(check: str, found: str, remedy: str, verify: str = "governance doctor") -> Finding:
    return Finding(check, Status.UNKNOWN, found, remedy, verify)
