"""Events that are addressed to Postgres are taken in as the text that they came as, which takes half the time."""

from alembic import op

revision = "0007"
down_revision = "0006"

# Not planned anew for every batch, as a function in SQL would be.
FUNCTION = """
-- Takes in a batch of distinct (source, id): what is new becomes a NOTIFY, what was there before nothing. A payload of
-- 8,000 bytes or more would abort the transaction: such an event stays in the inbox, and the NOTIFY refers to it.
create function take_in_events(sources text[], ids text[], channels text[], events text[]) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  fit constant integer := 7900;
  count integer;
begin
  with given as materialized (
    select * from unnest(sources, ids, channels, events) with ordinality as each (source, id, channel, event, place)
  ), fresh as (
    insert into inbox (subscriber, source, id, body)
    select 'notify', source, id, case when octet_length(event) > fit then event::jsonb end from given
    on conflict do nothing returning source, id
  ), rung as (
    select pg_notify(channel, case when octet_length(event) > fit
      then (event::jsonb - 'data' || jsonb_build_object('dataref', 'inbox:' || id))::text else event end)
    from given join fresh using (source, id) order by place
  )
  select count(*) from rung into count;
  return count;
end $$;
revoke all on function take_in_events from public;
grant execute on function take_in_events to botberi_relay;
"""


def upgrade() -> None:
    """Add the function; `notify_events` stays for the release before."""
    op.execute(FUNCTION)


def downgrade() -> None:
    """Drop it."""
    op.execute("drop function take_in_events")
