"""People take along what is known of them."""

from migrations.sql import run

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add a table of exports, and what they contain."""
    run("user_psql/sql/0013_exports.sql")


def downgrade() -> None:
    """Drop them."""
    run("user_psql/sql/0013_drop.sql")
