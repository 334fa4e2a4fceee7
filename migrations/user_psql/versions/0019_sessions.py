"""Administrators are shown where an account is logged in, and end that."""

from migrations.sql import run

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Let them."""
    run("user_psql/sql/0019_sessions.sql")


def downgrade() -> None:
    """Take it back."""
    run("user_psql/sql/0019_drop.sql")
