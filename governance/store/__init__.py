"""The database: engine, tables, migrations, transactions, on SQLite and PostgreSQL."""
