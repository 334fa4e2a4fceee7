"""Nothing is left of accounts that were purged."""

from migrations.sql import run

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add a table of them, and what deletes the rest."""
    run("shared_psql/sql/0018_purges.sql")


def downgrade() -> None:
    """Drop them."""
    run("shared_psql/sql/0018_drop.sql")
