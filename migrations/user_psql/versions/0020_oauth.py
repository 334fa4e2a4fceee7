"""Clients of OAuth act for people who have consented."""

from migrations.sql import run

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add a table of codes, and let sessions be clients'."""
    run("user_psql/sql/0020_oauth.sql")


def downgrade() -> None:
    """End clients' sessions, and drop it."""
    run("user_psql/sql/0020_drop.sql")
