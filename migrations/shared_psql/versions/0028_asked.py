"""What each message asks for is planned once in a session."""

from migrations.sql import run

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Add the functions that answer."""
    run("shared_psql/sql/0028_asked.sql")


def downgrade() -> None:
    """Drop them."""
    run("shared_psql/sql/0028_drop.sql")
