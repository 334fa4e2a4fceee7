"""Those who help people may act for them, for a while."""

from migrations.sql import run

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Let a session tell who acts in it for its account, and why."""
    run("user_psql/sql/0021_impersonation.sql")


def downgrade() -> None:
    """End such sessions, and take it back."""
    run("user_psql/sql/0021_drop.sql")
