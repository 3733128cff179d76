"""Where this installation keeps things: ``GOVERNANCE_*`` variables, with defaults that need no
server.

Settings say *where* and *whether*, never *how much is good enough* (that is the policy's). Nothing
is read from the working directory except the default home, ``./.governance``. Secrets are paths to
files or ``SecretStr``; ``repr`` never shows one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from governance.errors import SettingsError


class Settings(BaseSettings):
    """
    Attributes:
        home: folder of artifacts, active links, staging and configuration; local disk, or shared
            between all workers.
        database_url: SQLAlchemy URL; empty means SQLite in ``home``.
        config: path of ``governance.yaml``; empty means ``<home>/config/governance.yaml``.
        allow_pickle: may pickle and joblib members be written and loaded at all?
        checkpoint_key_file: Ed25519 private key (PEM) that signs audit checkpoints.
        probe_cpu_seconds, probe_memory_mib: limits of the child process that first parses an
            artifact.
        lock_timeout_seconds: how long a write waits for another one before it is refused.
    """

    model_config = SettingsConfigDict(
        env_prefix="GOVERNANCE_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    home: Path = Path(".governance")
    database_url: SecretStr = SecretStr("")
    config: Path | None = None
    allow_pickle: bool = False
    checkpoint_key_file: Path | None = None
    probe_cpu_seconds: int = Field(default=10, ge=1, le=3600)
    probe_memory_mib: int = Field(default=2048, ge=256)
    lock_timeout_seconds: float = Field(default=30.0, gt=0, le=3600)

    @classmethod
    def load(cls, **given: Any) -> Self:
        """From the environment, overridden by what is ``given`` and not ``None``."""
        try:
            loaded = cls(**{key: value for key, value in given.items() if value is not None})
        except ValidationError as error:
            wrong = "; ".join(
                f"GOVERNANCE_{'_'.join(map(str, item['loc'])).upper()}: {item['msg']}"
                for item in error.errors(include_input=False, include_url=False)
            )
            raise SettingsError(f"settings cannot be taken: {wrong}") from None
        if url := loaded.database_url.get_secret_value():
            from sqlalchemy.engine import make_url
            from sqlalchemy.exc import ArgumentError

            try:
                backend = make_url(url).get_backend_name()
            except (ArgumentError, ValueError):  # ValueError: a port that is no number
                raise SettingsError(
                    "GOVERNANCE_DATABASE_URL is no SQLAlchemy URL; write "
                    "sqlite:////path/governance.db or postgresql://user:password@host/database"
                ) from None
            if backend not in ("sqlite", "postgresql", "postgres"):
                raise SettingsError(
                    f"database {backend!r} is not supported; use sqlite or postgresql"
                )
        return loaded.model_copy(update={"home": loaded.home.expanduser().absolute()})

    @property
    def url(self) -> str:
        """The database URL in force, with the driver this product uses. Contains the password."""
        given = self.database_url.get_secret_value()
        if not given:
            return f"sqlite:///{self.home / 'governance.db'}"
        from sqlalchemy.engine import make_url  # here, since DAG files are parsed without it

        url = make_url(given)
        if url.drivername in ("postgres", "postgresql"):
            url = url.set(drivername="postgresql+psycopg")
        return url.render_as_string(hide_password=False)

    @property
    def config_path(self) -> Path:
        return self.config or self.home / "config" / "governance.yaml"
