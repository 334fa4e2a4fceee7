"""How many there are of what is known without counting it."""

from migrations.sql import run

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Count what there is, and whatever changes from now on."""
    run("event_path/0003_counts.sql", "user_psql/sql/0018_counts.sql")


def downgrade() -> None:
    """Count no more."""
    run("user_psql/sql/0018_counts_drop.sql", "event_path/0003_counts_drop.sql")
