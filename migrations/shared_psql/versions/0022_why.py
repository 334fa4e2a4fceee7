"""Administrators are told why something waits, from the rows that say so."""

from migrations.sql import run

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Let administrators follow events, and see what waits to be tried again."""
    run("event_path/0002_trail.sql", "shared_psql/sql/0022_why.sql")


def downgrade() -> None:
    """Take it back."""
    run("shared_psql/sql/0022_drop.sql", "event_path/0002_trail_drop.sql")
