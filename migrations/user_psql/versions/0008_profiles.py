"""People say how they want to be called, and where and in which language they are."""

from migrations.sql import run

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add columns to accounts."""
    run("user_psql/sql/0008_profiles.sql")


def downgrade() -> None:
    """Drop them."""
    run("user_psql/sql/0008_drop.sql")
