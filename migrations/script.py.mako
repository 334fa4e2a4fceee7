"""${message}."""

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Expand: the running release must survive this."""
    ${upgrades if upgrades else "op.execute('')"}


def downgrade() -> None:
    """Take it back."""
    ${downgrades if downgrades else "op.execute('')"}
