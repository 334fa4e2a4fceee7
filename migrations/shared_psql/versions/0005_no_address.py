"""Instances have no address: agent hosts wake their agents when somebody asks."""

from alembic import op

revision = "0005"
down_revision = "0008"


def upgrade() -> None:
    """Drop the addresses of processes that are gone."""
    op.execute("alter table instances drop column address")


def downgrade() -> None:
    """Give the column back to a worker that runs processes."""
    op.execute("alter table instances add column address text")
    op.execute("comment on column instances.address is 'the base URL that answers, while it runs'")
    op.execute("grant update (address) on instances to botberi_worker")
