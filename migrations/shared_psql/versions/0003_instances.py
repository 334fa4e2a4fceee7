"""Instances can be changed: generations, labels and limits of their own; and operators can say what is not to run."""

from migrations.sql import run

revision = "0003"
down_revision = "0006"


def upgrade() -> None:
    """Add columns that may be left out, and tables."""
    run("shared_psql/sql/0003_generations.sql", "shared_psql/sql/0003_operators.sql", "shared_psql/sql/0003_grants.sql")


def downgrade() -> None:
    """Take them back; each instance keeps what it was to consist of last."""
    run("shared_psql/sql/0003_drop.sql")
