"""Accounts, sessions and the event path."""

from migrations.sql import run

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create everything."""
    run("user_psql/sql/0001_source.sql")
    run("event_path/0001_tables.sql", "event_path/0001_emitting.sql")
    run("event_path/0001_rotating.sql", "event_path/0001_operating.sql")
    run("user_psql/sql/0001_accounts.sql")
    run("event_path/0001_grants.sql", "user_psql/sql/0001_grants.sql")


def downgrade() -> None:
    """Drop everything."""
    run("user_psql/sql/0001_drop.sql", "event_path/0001_drop.sql")
