"""Sessions tell with how many factors somebody has logged in, and when."""

from migrations.sql import run

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add columns, and the right to fill one."""
    run("user_psql/sql/0004_assurance.sql")


def downgrade() -> None:
    """Take them back."""
    run("user_psql/sql/0004_drop.sql")
