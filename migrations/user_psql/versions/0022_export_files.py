"""Exports are one file each."""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Drop the number of their parts, and forget those that have parts."""
    op.execute("delete from exports where parts is not null")
    op.execute("alter table exports drop column parts")
    op.execute("comment on column exports.place is 'its key in the store of objects'")
    op.execute("comment on column exports.bytes is 'of the file'")


def downgrade() -> None:
    """Give the column back, and forget those that have none."""
    op.execute("delete from exports where place is not null")
    op.execute("alter table exports add column parts integer")
    op.execute("grant update (parts) on exports to botberi_subscribers")
    op.execute("comment on column exports.place is 'where its parts are in the store of objects'")
    op.execute("comment on column exports.bytes is 'that it has'")
