"""Addresses are verified, and forgotten passwords set anew, with tokens that are good once."""

from migrations.sql import run

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add a column and a table."""
    run("user_psql/sql/0005_one_time_tokens.sql")


def downgrade() -> None:
    """Drop them."""
    run("user_psql/sql/0005_drop.sql")
