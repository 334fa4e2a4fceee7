"""People log in with passkeys."""

from migrations.sql import run

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add a table, and what challenges are for."""
    run("user_psql/sql/0012_passkeys.sql")


def downgrade() -> None:
    """Drop them."""
    run("user_psql/sql/0012_drop.sql")
