"""Sessions end for good some day, and tell where they are used; passwords can be changed."""

from migrations.sql import run

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add columns, and the rights to use them."""
    run("user_psql/sql/0002_sessions.sql")


def downgrade() -> None:
    """Take them back."""
    run("user_psql/sql/0002_drop.sql")
