"""Programs without a browser log in once somebody approves their code."""

from migrations.sql import run

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add a table of those that wait."""
    run("user_psql/sql/0014_device_logins.sql")


def downgrade() -> None:
    """Drop it."""
    run("user_psql/sql/0014_drop.sql")
