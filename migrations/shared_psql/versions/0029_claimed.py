"""Which push notifications are being delivered is counted."""

from migrations.sql import run

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Find them without reading all."""
    run("shared_psql/sql/0029_claimed.sql")


def downgrade() -> None:
    """Read all."""
    run("shared_psql/sql/0029_drop.sql")
