"""People delete their accounts."""

from migrations.sql import run

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add when an account is to be purged, and what does so."""
    run("user_psql/sql/0011_deletion.sql")


def downgrade() -> None:
    """Drop them."""
    run("user_psql/sql/0011_drop.sql")
