"""Where this installation keeps things: ``GOVERNANCE_*`` variables, with defaults that need no
server.

Settings say *where* and *whether*, never *how much is good enough* (that is the policy's). Nothing
is read from the working directory except the default home, ``./.governance``. Secrets are paths to
files or ``SecretStr``; ``repr`` never shows one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from governance.errors import SettingsError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

_DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
_PATHS = ("home", "config", "policy", "checkpoint_key_file", "checkpoint_public_key_file")


class Settings(BaseSettings):
    """
    Attributes:
        home: folder of artifacts, active links, staging and configuration; local disk, or shared
            between all workers.
        database_url: SQLAlchemy URL; empty means SQLite in ``home``.
        config: path of ``governance.yaml``; empty means ``<home>/config/governance.yaml``.
        policy: path of ``promotion_policy.yaml``; empty means
            ``<home>/config/promotion_policy.yaml``.
        allow_pickle: may pickle and joblib members be written and loaded at all?
        checkpoint_key_file: Ed25519 private key (PEM) that signs audit checkpoints.
        checkpoint_public_key_file: Ed25519 public key (PEM) that checkpoints must be signed with;
            empty means the public half of ``checkpoint_key_file``.
        probe_cpu_seconds, probe_memory_mib: limits of the child process that first parses an
            artifact.
        lock_timeout_seconds: how long a write waits for another one before it is refused.
        enable_drift_detection: may drift be looked for at all?
        drift_threshold: score from which an ad-hoc comparison is an alert, if the call names none.
        drift_detection_method: of ad-hoc comparisons, if the call names none.
        smtp_url: mail server for alerts outside Airflow,
            ``smtp://user:password@host:587?from=governance@example.com`` (``smtps://`` for TLS from
            the first byte, ``?starttls=false`` for none).
        webhook_hosts: hosts that alerts may be posted to, separated by commas: ``host``,
            ``host:port``, an IP address, or ``host!private`` for one inside the own network.
        report_url: where people see ``<home>/reports``, such as ``https://reports.example.com``;
            empty: messages name the file.
        api_upload_mib: largest artifact that may be uploaded to the management API.
        api_artifact_roots: folders from which the management API registers by reference,
            ``name=/folder`` separated by commas; empty: none.
        api_requests_per_second: what one caller of the management API may ask in the long run; 0
            for no limit.
        serving_requests_per_second: what one caller of the serving API may ask in the long run; 0
            for no limit.
        prediction_log_days: days after which `governance serve` removes what it logged and the
            drift scan no longer needs; 0: nothing is removed.
        api_origins: origins besides its own from which browsers may write to the management API,
            separated by commas, such as ``https://airflow.example.com`` before a proxy.
        metrics_models: how many models have series of their own on ``/metrics``; the others count
            in the sums alone, and a figure says how many they are.
    """

    model_config = SettingsConfigDict(
        env_prefix="GOVERNANCE_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    home: Path = Path(".governance")
    database_url: SecretStr = SecretStr("")
    config: Path | None = None
    policy: Path | None = None
    allow_pickle: bool = False
    checkpoint_key_file: Path | None = None
    checkpoint_public_key_file: Path | None = None
    probe_cpu_seconds: int = Field(default=10, ge=1, le=3600)
    probe_memory_mib: int = Field(default=2048, ge=256)
    lock_timeout_seconds: float = Field(default=30.0, gt=0, le=3600)
    enable_drift_detection: bool = True
    drift_threshold: float = Field(default=0.2, gt=0, allow_inf_nan=False)
    drift_detection_method: Literal["ks_test", "psi", "chi_square"] = "ks_test"
    smtp_url: SecretStr = SecretStr("")
    webhook_hosts: str = ""
    report_url: str = ""
    api_upload_mib: int = Field(default=1024, ge=1, le=1 << 20)
    api_artifact_roots: str = ""
    api_requests_per_second: float = Field(default=200.0, ge=0, allow_inf_nan=False)
    serving_requests_per_second: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    prediction_log_days: int = Field(default=0, ge=0, le=36500)
    api_origins: str = ""
    airflow_url: str = ""
    metrics_models: int = Field(default=1000, ge=0)

    @classmethod
    def load(cls, **given: Any) -> Self:
        """From the environment, overridden by what is ``given`` and not ``None``.

        Relative paths count from the working directory of this moment, whatever it is later.
        """
        try:
            loaded = cls(**{key: value for key, value in given.items() if value is not None})
        except ValidationError as error:
            wrong = "; ".join(
                f"GOVERNANCE_{'_'.join(map(str, item['loc'])).upper()}: {item['msg']}"
                for item in error.errors(include_input=False, include_url=False)
            )
            raise SettingsError(f"settings cannot be taken: {wrong}") from None
        if url := loaded.database_url.get_secret_value():
            parse_database_url(url)
        paths = {name: getattr(loaded, name) for name in _PATHS}
        return loaded.model_copy(
            update={name: _absolute(name, path) for name, path in paths.items() if path is not None}
        )

    @property
    def url(self) -> str:
        """The database URL in force, with the driver this product uses. Contains the password."""
        given = self.database_url.get_secret_value()
        if not given:
            return f"sqlite:///{self.home / 'governance.db'}"
        return parse_database_url(given).render_as_string(hide_password=False)

    @property
    def config_path(self) -> Path:
        return self.config or self.home / "config" / "governance.yaml"

    @property
    def policy_path(self) -> Path:
        return self.policy or self.home / "config" / "promotion_policy.yaml"


def parse_database_url(text: str) -> URL:
    """The URL with the driver this product uses; a refusal never repeats it.

    >>> parse_database_url("postgresql://ann@db/x").drivername
    'postgresql+psycopg'
    >>> parse_database_url("sqlite+aiosqlite:////srv/governance.db")
    Traceback (most recent call last):
        ...
    governance.errors.SettingsError: the database driver 'sqlite+aiosqlite' ...; write sqlite:////...
    """
    from sqlalchemy.engine import make_url  # here, since DAG files are parsed without it
    from sqlalchemy.exc import ArgumentError

    usage = "write sqlite:////path/governance.db or postgresql://user:password@host/database"
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise SettingsError(
            f"the database URL (GOVERNANCE_DATABASE_URL) cannot be read; {usage}"
        ) from None
    if url.drivername not in _DRIVERS:
        raise SettingsError(
            f"the database driver {url.drivername!r} is not supported here; {usage}"
        )
    if url.drivername.startswith("sqlite"):
        file = url.database or ":memory:"
        if file.startswith((":memory:", "file:")):
            raise SettingsError(
                "SQLite in memory forgets; name a file: sqlite:////path/governance.db"
            )
        if "\0" in file:
            raise SettingsError(f"the database's path contains a NUL character; {usage}")
    return url.set(drivername=_DRIVERS[url.drivername])


def _absolute(name: str, path: Path) -> Path:
    if "\0" in str(path):
        raise SettingsError(f"GOVERNANCE_{name.upper()} contains a NUL character; name a path")
    try:
        return path.expanduser().absolute()
    except RuntimeError:  # ~somebody whom this system does not know, or no home folder for ~
        raise SettingsError(
            f"GOVERNANCE_{name.upper()}: the home folder in {str(path)[:200]!r} is unknown; "
            "write the whole path"
        ) from None
    except OSError:  # the working directory is gone
        raise SettingsError(
            f"GOVERNANCE_{name.upper()} is relative and there is no working directory; "
            "write the whole path"
        ) from None
