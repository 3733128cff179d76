"""Which alerts become one message, and what a message is called. Pure.

* Alerts of one channel that were created within the group's window are one message; it is made
  when the window is over.
* Critical notices are told at once, together if several wait; neither window nor hour holds them.
* When more messages are due than the hour still allows, one digest takes all that is waiting, or
  several do, of ``MOST_ALERTS`` each; when it allows none, all wait.
* A message's id follows from what it holds, so that a repeated message is known as the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from governance.effects.alerts.outgoing import DIGEST

DOMAIN = "alerts.model-governance"
MOST_ALERTS = 2000  # of one message; a line each stays below 1 MiB


def windows(created: Sequence[datetime], length: timedelta) -> list[slice]:
    """Runs of times in order, none longer than ``length`` from its first to its last.

    >>> start = datetime(2013, 2, 8)
    >>> times = [start + timedelta(seconds=second) for second in (0, 20, 31, 32)]
    >>> windows(times, timedelta(seconds=30))
    [slice(0, 2, None), slice(2, 4, None)]
    """
    found: list[slice] = []
    for number, moment in enumerate(created):
        if found and moment - created[found[-1].start] <= length:
            found[-1] = slice(found[-1].start, number + 1)
        else:
            found.append(slice(number, number + 1))
    return found


def messages(
    created: Sequence[datetime],
    *,
    now: datetime,
    window: timedelta,
    allowed: int,
    flush: bool = False,
) -> tuple[list[slice], bool]:
    """Which of the waiting alerts are put into a message now, and whether it is a digest.

    Args:
        created: when each was recorded, in order.
        allowed: how many messages the hour still allows.
        flush: do not wait for the end of a window.
    """
    due = [run for run in windows(created, window) if flush or created[run.start] + window <= now]
    if not due or allowed <= 0:
        return [], False
    single = [part for run in due for part in parts(run)]
    if len(single) <= allowed:
        return single, False
    return parts(slice(0, len(created)))[:allowed], True


def parts(run: slice) -> list[slice]:
    """A storm is several messages: servers take no mail of any size."""
    return [
        slice(first, min(first + MOST_ALERTS, run.stop))
        for first in range(run.start, run.stop, MOST_ALERTS)
    ]


def message_id(
    channel: str, alerts: Sequence[tuple[str, str, str]], *, digest: bool = False
) -> str:
    """The id of the message that holds these alerts, each (incident, event, event key).

    >>> message_id("email", [("0123456789ab", "opened", "0123456789ab:opened:2013-02-08T18")])
    '0123456789ab.opened.de94ee23@alerts.model-governance'
    """
    keys = "\n".join([channel, *sorted(key for _, _, key in alerts)])
    name = hashlib.sha256(keys.encode()).hexdigest()
    incidents = {incident for incident, _, _ in alerts}
    if digest:
        return f"{DIGEST}{name[:24]}@{DOMAIN}"
    if len(alerts) == 1:
        return f"{alerts[0][0]}.{alerts[0][1]}.{name[:8]}@{DOMAIN}"
    if len(incidents) == 1:
        return f"{incidents.pop()}.{name[:12]}@{DOMAIN}"
    return f"group.{name[:24]}@{DOMAIN}"
