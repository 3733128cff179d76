"""The database: engine, tables, migrations, transactions. SQLite by default, PostgreSQL in production."""
