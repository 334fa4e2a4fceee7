"""What agents write is kept."""

from migrations.sql import run

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add tables, and how they are emptied."""
    run("shared_psql/sql/0010_instance_logs.sql")


def downgrade() -> None:
    """Take them back."""
    run("shared_psql/sql/0010_drop.sql")
