"""The relay keeps when its last probe came back and how long that took, for everybody to see."""

from alembic import op

from migrations import probing

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns; the cursor's row has them empty until a probe comes back."""
    op.execute(probing.UPGRADE)


def downgrade() -> None:
    """Drop them."""
    op.execute(probing.DOWNGRADE)
