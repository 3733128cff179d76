"""Sources of live data that stay open: a database keeps its connections from scan to scan.

One for each declaration, the least used ones are let go. Neighbours: ``sources.open`` opens them,
``scan`` asks. Not promised: that two threads that ask first at once get the same one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping

from governance.config.drift import SqlData
from governance.evidence.drift.scanning.watching import Watch
from governance.evidence.drift.sources.live import LiveSource
from governance.evidence.drift.sources.open import open_source

_DATABASES = 64  # each may hold connections
_OTHERS = 1024


class OpenedSources:
    """
    Args:
        environment: where the URLs of databases are looked up.

    Thread-safe.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._lock = threading.Lock()
        self._databases: OrderedDict[tuple[str, str], LiveSource] = OrderedDict()
        self._others: OrderedDict[tuple[str, str], LiveSource] = OrderedDict()

    def of(self, watch: Watch) -> LiveSource:
        """The source of a watched model.

        Raises:
            ConfigError: a layout or function that cannot be used.
            LiveDataError: a database URL or storage protocol that cannot be used here.
        """
        key = (watch.live.model_dump_json(), watch.time_column)
        is_database = isinstance(watch.live, SqlData)
        opened, most = (self._databases, _DATABASES) if is_database else (self._others, _OTHERS)
        with self._lock:
            if key in opened:
                opened.move_to_end(key)
                return opened[key]
        # Not under the lock: a function's module may take long to be imported.
        made = open_source(watch.live, time_column=watch.time_column, environment=self._environment)
        with self._lock:
            found = opened.setdefault(key, made)
            opened.move_to_end(key)
            while len(opened) > most:
                opened.popitem(last=False)
        return found
