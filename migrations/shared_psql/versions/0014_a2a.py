"""Instances may be found by programs, and their tasks notify others."""

from migrations.sql import run

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add columns and a table."""
    run("shared_psql/sql/0014_a2a.sql")


def downgrade() -> None:
    """Take them back."""
    run("shared_psql/sql/0014_drop.sql")
