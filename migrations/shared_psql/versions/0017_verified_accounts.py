"""Whose address is verified is known where instances are."""

from migrations.sql import run

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add a table, which events from user_psql fill."""
    run("shared_psql/sql/0017_verified_accounts.sql")


def downgrade() -> None:
    """Drop it."""
    run("shared_psql/sql/0017_drop.sql")
