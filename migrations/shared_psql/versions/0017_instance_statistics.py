"""The meter counts instances without reading one."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Make the function, for the role with which the meter asks."""
    op.execute("""
    create function instance_statistics()
    returns table (status text, instances bigint, overdue bigint, past_deadline bigint)
    language sql stable security definer set search_path = public, pg_temp as $$
      select status, count(*), count(*) filter (where due_at < clock_timestamp() - interval '60 seconds'),
             count(*) filter (where deadline_at < clock_timestamp())
      from instances where status <> 'deleted' group by status
    $$;
    comment on function instance_statistics is 'instances by status: how many, waiting for a worker for more than a '
      'minute, beyond their deadline';
    revoke all on function instance_statistics from public;
    grant execute on function instance_statistics to botberi_relay;
    """)


def downgrade() -> None:
    """Drop it."""
    op.execute("drop function instance_statistics")
