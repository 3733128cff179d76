"""Models scanned together: a task's start costs seconds, a scan milliseconds.

Pure but for what the given function does. One failed model does not stop the others: the failure is
kept, and raised when all are done. Neighbour: ``detector``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from governance.errors import DriftScanError, InvalidInputError
from governance.evidence.drift.report import DriftReport

log = logging.getLogger(__name__)


def in_shards(names: Iterable[str], size: int) -> list[list[str]]:
    """Names in order, at most ``size`` in each list.

    >>> in_shards(["c", "a", "b"], 2)
    [['a', 'b'], ['c']]
    """
    if type(size) is not int or size < 1:
        raise InvalidInputError(f"size must be a whole number from 1, not {size!r:.40}")
    ordered = sorted(set(names))
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


def scan_all(names: Iterable[str], scan: Callable[[str], DriftReport]) -> list[DriftReport]:
    """The report of each model, in the order given.

    Raises:
        DriftScanError: some could not be scanned; it carries their errors and the others' reports.
    """
    reports: list[DriftReport] = []
    failures: dict[str, Exception] = {}
    for name in names:
        try:
            reports.append(scan(name))
        except Exception as error:  # whatever it is, the next model is scanned
            log.exception("%s could not be scanned", name)
            failures[name] = error
    if failures:
        told = "; ".join(f"{name}: {_told(error)}" for name, error in list(failures.items())[:10])
        more = f"; and {len(failures) - 10} more" if len(failures) > 10 else ""
        raise DriftScanError(
            f"{len(failures)} of {len(failures) + len(reports)} models could not be scanned: "
            f"{told}{more}. The others are recorded; scan again when this is mended",
            reports=reports,
            failures=failures,
        )
    return reports


def _told(error: Exception) -> str:
    message = getattr(error, "message", None) or f"{type(error).__name__}: {error}"
    return str(message)[:500]
