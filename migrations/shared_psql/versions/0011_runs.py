"""Instances are asked in runs, whose events are kept."""

from migrations.sql import run

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add tables, and how they are emptied."""
    run("shared_psql/sql/0011_runs.sql")


def downgrade() -> None:
    """Take them back."""
    run("shared_psql/sql/0011_drop.sql")
