"""Alembic's entry point: run the migrations on the connection that ``migrate`` hands over.

Not for the ``alembic`` command on its own: the transaction and the lock are the caller's.
"""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
)
context.run_migrations()
