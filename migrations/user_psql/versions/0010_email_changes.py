"""Accounts move to other addresses."""

from migrations.sql import run

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add a table of changes that somebody has asked for."""
    run("user_psql/sql/0010_email_changes.sql")


def downgrade() -> None:
    """Drop it."""
    run("user_psql/sql/0010_drop.sql")
