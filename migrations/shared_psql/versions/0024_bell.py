"""Runners hear of what there is to do from Postgres itself."""

from migrations.sql import run

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Have it told."""
    run("shared_psql/sql/0024_bell.sql")


def downgrade() -> None:
    """Have it told no more."""
    run("shared_psql/sql/0024_drop.sql")
