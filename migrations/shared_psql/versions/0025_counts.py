"""How many there are of what is known without counting it."""

from migrations.sql import run

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Count what there is, and whatever changes from now on."""
    run("event_path/0003_counts.sql", "shared_psql/sql/0025_counts.sql")


def downgrade() -> None:
    """Count no more."""
    run("shared_psql/sql/0025_counts_drop.sql", "event_path/0003_counts_drop.sql")
