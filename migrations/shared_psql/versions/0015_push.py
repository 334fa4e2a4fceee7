"""Those who want to know of a task are notified."""

from migrations.sql import run

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add columns: how a config's secrets are sealed, and how far its notifications are."""
    run("shared_psql/sql/0015_push.sql")


def downgrade() -> None:
    """Take them back."""
    run("shared_psql/sql/0015_drop.sql")
