"""INSERT that may meet an existing key: the one statement that the two databases spell differently.

SQLAlchemy offers ``on_conflict_do_nothing`` and ``on_conflict_do_update`` on each dialect's own
insert; both are used here as the two have them in common. The type is PostgreSQL's.
"""

from __future__ import annotations

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def dialect_insert(connection: Connection, table: Table) -> postgresql.Insert:
    """An insert into ``table`` for the database behind ``connection``.

    >>> from sqlalchemy import Column, Integer, MetaData, create_engine, func, select
    >>> table = Table("seen", MetaData(), Column("number", Integer, primary_key=True))
    >>> engine = create_engine("sqlite://")
    >>> with engine.begin() as connection:
    ...     table.create(connection)
    ...     for _ in range(2):
    ...         insert = dialect_insert(connection, table).values(number=1)
    ...         _ = connection.execute(insert.on_conflict_do_nothing())
    ...     connection.scalar(select(func.count()).select_from(table))
    1
    >>> engine.dispose()
    """
    return insert_into(connection.dialect.name, table)


def insert_into(dialect: str, table: Table) -> postgresql.Insert:
    """The same by the name of the database, for statements that are built once."""
    if dialect == "sqlite":
        return sqlite.insert(table)  # type: ignore[return-value]  # the same methods, no common base
    return postgresql.insert(table)
