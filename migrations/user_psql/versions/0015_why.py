"""Administrators are told why something waits, from the rows that say so."""

from migrations.sql import run

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Let administrators follow events, and see how sessions have gone."""
    run("event_path/0002_trail.sql", "user_psql/sql/0015_why.sql")


def downgrade() -> None:
    """Take it back."""
    run("user_psql/sql/0015_drop.sql", "event_path/0002_trail_drop.sql")
