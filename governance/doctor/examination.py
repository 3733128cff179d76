"""Runs the checks, each within its time, none stopped by the failure of another.

Neighbours: the modules of this package have the checks; ``finding`` what they may say. A check that
does not come back is left alone in its thread, as one that waits for a dead network disk can not be
stopped. Not promised: that what was right a moment ago still is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping

from governance.doctor import database, home, libraries, mail, people, plugin
from governance.doctor.finding import Finding, Status, problem, unknown
from governance.doctor.installation import SECONDS, Installation
from governance.errors import GovernanceError
from governance.settings import Settings

Check = Callable[[Installation], Iterable[Finding]]

# In this order: what the later ones need comes first.
CHECKS: Mapping[str, Check] = {
    "libraries": libraries.libraries,
    "database": database.database,
    "database place": database.place,
    "schema": database.schema_is_right,
    "clock": database.clock,
    "home": home.home,
    "home shared": home.shared,
    "files": home.files,
    "predictions": home.predictions,
    "governance.yaml": people.models,
    "policy": people.policy,
    "rights": people.rights,
    "keys": people.keys,
    "mail": mail.mail,
    "outbox": mail.outbox,
    "plugin": plugin.plugin,
    "connection": plugin.connection,
}
NEED_DATABASE = frozenset({"schema", "clock"})
NEED_SCHEMA = frozenset({"files", "rights", "outbox"})


def examine(
    load: Callable[[], Settings],
    environment: Mapping[str, str],
    *,
    home_is_shared: bool = False,
    seconds: float = SECONDS,
    checks: Mapping[str, Check] = CHECKS,
) -> Iterator[Finding]:
    """What each check found, in their order.

    Args:
        load: gives the settings; that they cannot be taken is a finding, and the last one.
        home_is_shared: somebody vouches that all workers mount this home.
        seconds: for each check.
    """
    try:
        installation = Installation(load(), environment, home_is_shared=home_is_shared)
    except GovernanceError as error:
        yield problem("settings", error.message, "correct the environment of this process")
        return
    failed: set[str] = set()
    for name, check in checks.items():
        if name in NEED_DATABASE | NEED_SCHEMA and "database" in failed:
            yield database.not_looked_at(name)
            continue
        if name in NEED_SCHEMA and "schema" in failed:
            yield unknown(name, "not looked at: the schema is another", "mend `schema` first")
            continue
        found = _within(seconds, name, check, installation)
        if any(finding.status in (Status.PROBLEM, Status.UNKNOWN) for finding in found):
            failed.add(name)
        yield from found


def _within(
    seconds: float, name: str, check: Check, installation: Installation
) -> tuple[Finding, ...]:
    answer: list[tuple[Finding, ...]] = []

    def ask() -> None:
        answer.append(_asked(name, check, installation))

    thread = threading.Thread(target=ask, name=f"doctor-{name}", daemon=True)
    thread.start()
    thread.join(seconds)
    if answer:
        return answer[0]
    found = f"no answer within {seconds:g} s"
    return (problem(name, found, "look at what it needs: a network disk, a server, a lock"),)


def _asked(name: str, check: Check, installation: Installation) -> tuple[Finding, ...]:
    try:
        return tuple(check(installation))
    except GovernanceError as error:
        found, _, remedy = error.message.partition("; ")  # they say what to do behind it
        return (problem(name, found, remedy or "look at what it needs"),)
    except OSError as error:
        where = f"{error.filename}: " if isinstance(error.filename, str) else ""
        found = f"could not be looked at: {where}{error.strerror or type(error).__name__}"
        return (problem(name, found, "give this user the right to, or mend the disk"),)
    except Exception as error:  # its text may hold a secret; its type does not
        found = f"could not be looked at: {type(error).__name__}"
        remedy = "look at what it needs; if that is right, this is a mistake of ours: report it"
        return (unknown(name, found, remedy),)
