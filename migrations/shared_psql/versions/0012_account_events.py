"""The events of an account are numbered, and kept for those who come back."""

from migrations.sql import run

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add tables, and how they are emptied."""
    run("shared_psql/sql/0012_account_events.sql")


def downgrade() -> None:
    """Take them back."""
    run("shared_psql/sql/0012_drop.sql")
