"""Versions may be deprecated and yanked; channels have candidates, and a history of where they pointed."""

from migrations.sql import run

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add columns that have defaults or may be null, and a table: the release before goes on."""
    run("shared_psql/sql/0002_catalog.sql")


def downgrade() -> None:
    """Take them back; a channel that points at nothing is gone then."""
    run("shared_psql/sql/0002_catalog_drop.sql")
