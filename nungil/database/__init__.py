"""Databases: opening, migrations, the outbox."""
