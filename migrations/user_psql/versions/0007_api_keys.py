"""Programs show API keys."""

from migrations.sql import run

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add a table, and how keys are found by what shows them."""
    run("user_psql/sql/0007_api_keys.sql")


def downgrade() -> None:
    """Drop them."""
    run("user_psql/sql/0007_drop.sql")
