"""Runs are claimed by a function of the database's, which plans that once."""

from migrations.sql import run

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add it."""
    run("shared_psql/sql/0021_claims.sql")


def downgrade() -> None:
    """Drop it."""
    run("shared_psql/sql/0021_drop.sql")
