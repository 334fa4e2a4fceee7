"""Administrators are shown where an account is logged in, and end that."""

from migrations.sql import run

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Let them."""
    run("user_psql/sql/0018_sessions.sql")


def downgrade() -> None:
    """Take it back."""
    run("user_psql/sql/0018_drop.sql")
