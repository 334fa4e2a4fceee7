"""People take along what is known of them."""

from migrations.sql import run

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add what an export contains."""
    run("shared_psql/sql/0019_exports.sql")


def downgrade() -> None:
    """Drop it."""
    run("shared_psql/sql/0019_drop.sql")
