"""The gateway asks which sessions were revoked, and may read nothing else."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Let it read them."""
    op.execute("grant select on revoked_sessions to botberi_gateway")


def downgrade() -> None:
    """Take that back."""
    op.execute("revoke select on revoked_sessions from botberi_gateway")
