"""Second factors, recovery codes, and log-ins that have yet to prove either."""

from migrations.sql import run

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the tables."""
    run("user_psql/sql/0006_factors.sql")


def downgrade() -> None:
    """Drop them."""
    run("user_psql/sql/0006_drop.sql")
