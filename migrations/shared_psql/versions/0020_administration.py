"""Administrators find instances and runs by what is the matter with them, and set instances apart."""

from migrations.sql import run

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add the columns and indexes, and what administrators may write."""
    run("shared_psql/sql/0020_administration.sql")


def downgrade() -> None:
    """Drop them."""
    run("shared_psql/sql/0020_drop.sql")
