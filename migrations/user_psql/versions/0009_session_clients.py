"""Whoever mails people of a log-in from somewhere new reads from where it was."""

from migrations.sql import run

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Grant it."""
    run("user_psql/sql/0009_session_clients.sql")


def downgrade() -> None:
    """Take it back."""
    run("user_psql/sql/0009_drop.sql")
