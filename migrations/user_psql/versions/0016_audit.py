"""What is done to accounts is in an audit trail of its own, in the transaction that does it."""

from migrations.sql import run

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add it."""
    run("user_psql/sql/0016_audit.sql", "audit_trail/0001_audit.sql")


def downgrade() -> None:
    """Drop it."""
    run("audit_trail/0001_drop.sql")
