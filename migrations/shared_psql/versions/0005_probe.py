"""The relay keeps when its last probe came back and how long that took, for everybody to see."""

from alembic import op

revision = "0005"
down_revision = "0004"

_COLUMNS = ("probed timestamptz", "probe_seconds float8")


def upgrade() -> None:
    """Add the columns; the cursor's row has them empty until a probe comes back."""
    for column in _COLUMNS:
        op.execute(f"alter table relay_cursor add column {column}")


def downgrade() -> None:
    """Drop them."""
    for column in _COLUMNS:
        op.execute(f"alter table relay_cursor drop column {column.partition(' ')[0]}")
