"""What runs use is summed, and may be limited by budgets; agents have a memory."""

from migrations.sql import run

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the tables."""
    run("shared_psql/sql/0013_usage.sql")
    run("shared_psql/sql/0013_budgets.sql")
    run("shared_psql/sql/0013_memory.sql")


def downgrade() -> None:
    """Take them back."""
    run("shared_psql/sql/0013_drop.sql")
