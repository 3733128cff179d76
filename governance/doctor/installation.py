"""What the checks look at: the settings, the environment, and a way to the database.

Neighbours: ``examination`` makes one for a run. Not promised: that a database exists. To look for
one must not make one, so an SQLite file that is not there is said to be missing before SQLAlchemy
(which would create it) hears of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from governance.config.current import CurrentConfig
from governance.doctor.airflow_settings import AirflowSettings
from governance.errors import DatabaseUnavailableError
from governance.settings import Settings, parse_database_url

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

    from governance.store.database import Database

SECONDS = 5.0  # that a check may take; a lock or a server is waited for less
PATIENCE = 3


@dataclass(frozen=True)
class Installation:
    """
    Attributes:
        environment: variables of the process that asks.
        home_is_shared: somebody vouches for it, where no file system can tell.
        mounts: the table of mounted file systems.
    """

    settings: Settings
    environment: Mapping[str, str]
    home_is_shared: bool = False
    mounts: Path = field(default=Path("/proc/self/mounts"))

    @cached_property
    def airflow(self) -> AirflowSettings:
        return AirflowSettings.of(self.environment)

    @cached_property
    def url(self) -> URL:
        """With the driver of this product; it contains the password."""
        url = parse_database_url(self.settings.url)
        if url.get_backend_name() == "postgresql" and "connect_timeout" not in url.query:
            url = url.update_query_dict({"connect_timeout": str(PATIENCE)})
        return url

    @cached_property
    def config(self) -> CurrentConfig:
        """Call it for governance.yaml, which is read once for all checks."""
        return CurrentConfig(self.settings)

    @property
    def sqlite_file(self) -> Path | None:
        """Where the database is a file."""
        if self.url.get_backend_name() != "sqlite":
            return None
        return Path(self.url.database or "").absolute()

    @contextmanager
    def database(self) -> Iterator[Database]:
        """The database that is there, for one check.

        Raises:
            DatabaseUnavailableError: there is none.
        """
        from governance.store.database import Database

        file = self.sqlite_file
        if file is not None and not file.is_file():
            raise DatabaseUnavailableError(
                f"there is no database {file}; make it with `governance init`"
            )
        opened = Database(self.url.render_as_string(hide_password=False), lock_timeout=PATIENCE)
        try:
            yield opened
        finally:
            opened.close()
