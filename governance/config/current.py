"""Configuration and policy files as they stand now, read again only when they changed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from governance.config.governance_file import GovernanceConfig, declared_models
from governance.config.policy_file import PolicyFile, load_policy
from governance.settings import Settings

_Content = TypeVar("_Content")


class _Current(Generic[_Content]):
    """Call it for the content. A changed file that is broken raises ``ConfigError``."""

    def __init__(self, path: Path, load: Callable[[], _Content]) -> None:
        self._path = path
        self._load = load
        self._lock = threading.Lock()
        self._read: tuple[tuple[int, int, int] | None, _Content] | None = None

    def __call__(self) -> _Content:
        signature = self._signature()
        with self._lock:
            if self._read is None or self._read[0] != signature:
                self._read = (signature, self._load())
            return self._read[1]

    def _signature(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino


class CurrentConfig(_Current[GovernanceConfig]):
    """Call it for the declared models."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.config_path, lambda: declared_models(settings))


class CurrentPolicy(_Current[PolicyFile]):
    """Call it for the limits of all models."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.policy_path, lambda: load_policy(settings))
