"""How often passwords were guessed."""

from migrations.sql import run

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add a table."""
    run("user_psql/sql/0003_guesses.sql")


def downgrade() -> None:
    """Drop it."""
    run("user_psql/sql/0003_drop.sql")
