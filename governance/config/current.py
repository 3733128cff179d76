"""The configuration file as it stands now, read again only when it changed.

The policy file has an owner of its own, since it stays in force while it is broken:
``governance.decisions.policy_in_force``.
"""

from __future__ import annotations

import threading

from governance.config.governance_file import GovernanceConfig, declared_models
from governance.settings import Settings


class CurrentConfig:
    """Call it for the declared models. A changed file that is broken raises ``ConfigError``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._read: tuple[tuple[int, int, int] | None, GovernanceConfig] | None = None

    def __call__(self) -> GovernanceConfig:
        signature = self._signature()
        with self._lock:
            if self._read is None or self._read[0] != signature:
                self._read = (signature, declared_models(self._settings))
            return self._read[1]

    def _signature(self) -> tuple[int, int, int] | None:
        try:
            status = self._settings.config_path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino
