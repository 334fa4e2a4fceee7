"""API keys are known where instances are."""

from migrations.sql import run

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add a table, and how keys come into it and are found."""
    run("shared_psql/sql/0016_api_keys.sql")


def downgrade() -> None:
    """Drop them."""
    run("shared_psql/sql/0016_drop.sql")
