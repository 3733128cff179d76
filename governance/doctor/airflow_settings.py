"""What the environment says of the Airflow around: executor, plugins folder, connections.

Airflow itself is not imported: it takes seconds, and makes files where it finds none. Its own order
counts: a variable, then `airflow.cfg`, then its default. What it would have to run or to ask
(`..._CMD`, `..._SECRET`, connections in its database) is not known here, and said to be so.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from configparser import Error as ConfigError
from configparser import RawConfigParser
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

HERE = frozenset({"LocalExecutor", "SequentialExecutor"})
ELSEWHERE = frozenset(
    {
        "CeleryExecutor",
        "KubernetesExecutor",
        "CeleryKubernetesExecutor",
        "LocalKubernetesExecutor",
        "EdgeExecutor",
        "AwsEcsExecutor",
        "AwsBatchExecutor",
        "AwsLambdaExecutor",
    }
)
_DEFAULT_EXECUTOR = "LocalExecutor"


@dataclass(frozen=True)
class AirflowSettings:
    """
    Attributes:
        installed: can this Python import Airflow?
        executors: names of their classes; None where nobody here can know.
        plugins: its plugins folder.
    """

    installed: bool
    executors: tuple[str, ...] | None
    plugins: Path
    environment: Mapping[str, str]

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> AirflowSettings:
        spec = find_spec("airflow")
        installed = spec is not None and spec.origin is not None  # not a mere folder of this name
        home = Path(environment.get("AIRFLOW_HOME") or "~/airflow").expanduser()
        written = _config(Path(environment.get("AIRFLOW_CONFIG") or home / "airflow.cfg"))
        plugins = _option(environment, written, "plugins_folder") or str(home / "plugins")
        plugins = plugins.replace("{AIRFLOW_HOME}", str(home))
        return cls(
            installed=installed,
            executors=_executors(environment, written, installed=installed),
            plugins=Path(os.path.expandvars(plugins)).expanduser(),
            environment=environment,
        )

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """The executors among them that are known to run tasks on other machines."""
        return tuple(name for name in self.executors or () if name in ELSEWHERE)

    @property
    def only_here(self) -> bool:
        """Is it known that all tasks run on this machine?"""
        return bool(self.executors) and all(name in HERE for name in self.executors or ())

    def connection(self, name: str) -> dict[str, Any] | None:
        """The connection as a variable has it: conn_type, host, schema, login, port, extra.

        Raises:
            ValueError: the variable is no connection; its text is not repeated.
        """
        text = self.environment.get(f"AIRFLOW_CONN_{name.upper()}", "").strip()
        if not text:
            return None
        try:
            return _of_json(text) if text.startswith("{") else _of_uri(text)
        except (ValueError, TypeError, AttributeError):
            raise ValueError(f"AIRFLOW_CONN_{name.upper()} cannot be read") from None


def class_names(text: str) -> tuple[str, ...]:
    """Executors as `[core] executor` lists them, with aliases, modules and teams.

    >>> class_names("LocalExecutor, my.module.OwnExecutor:own;red=CeleryExecutor")
    ('LocalExecutor', 'OwnExecutor', 'CeleryExecutor')
    """
    names = []
    for entry in re.split(r"[,;]", text):
        parts = entry.rpartition("=")[2].strip().split(":")
        paths = [part.rpartition(".")[2] for part in parts]
        known = [path for path in paths if path in HERE | ELSEWHERE or path.endswith("Executor")]
        names += known[:1] or [path for path in paths[:1] if path]
    return tuple(names)


def _executors(
    environment: Mapping[str, str], written: RawConfigParser | None, *, installed: bool
) -> tuple[str, ...] | None:
    if given := _option(environment, written, "executor"):
        return class_names(given)
    hidden = {"AIRFLOW__CORE__EXECUTOR_CMD", "AIRFLOW__CORE__EXECUTOR_SECRET"}
    in_file = written is not None and any(
        written.has_option("core", f"executor_{how}") for how in ("cmd", "secret")
    )
    if in_file or hidden & environment.keys() or not installed:
        return None
    told = written is not None or any(key.startswith("AIRFLOW__") for key in environment)
    return (_DEFAULT_EXECUTOR,) if told else None  # a shell that knows nothing of that Airflow


def _option(
    environment: Mapping[str, str], written: RawConfigParser | None, name: str
) -> str | None:
    if given := environment.get(f"AIRFLOW__CORE__{name.upper()}", "").strip():
        return given
    if written is None or not written.has_option("core", name):
        return None
    return written.get("core", name).strip() or None


def _config(path: Path) -> RawConfigParser | None:
    parser = RawConfigParser(strict=False)
    try:
        with path.open(encoding="utf-8") as file:
            parser.read_file(file)
    except (OSError, ConfigError, UnicodeDecodeError):
        return None
    return parser


def _of_json(text: str) -> dict[str, Any]:
    found = json.loads(text)
    extra = found.get("extra") or {}
    return {**found, "extra": json.loads(extra) if isinstance(extra, str) else dict(extra)}


def _of_uri(text: str) -> dict[str, Any]:
    parts = urlsplit(text)
    if not parts.scheme:
        raise ValueError
    query = dict(parse_qsl(parts.query))
    return {
        "conn_type": parts.scheme.replace("-", "_"),
        "host": unquote(parts.hostname) if parts.hostname else None,
        "schema": unquote(parts.path[1:]) or None,
        "login": unquote(parts.username) if parts.username else None,
        "port": parts.port,
        "extra": json.loads(query.pop("__extra__")) if "__extra__" in query else query,
    }
