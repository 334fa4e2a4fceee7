-- The events of each account, numbered, so that whoever was away is sent what happened meanwhile.

create table account_feeds (
  owner_id text primary key,
  sequence bigint not null
) with (fillfactor = 70);
comment on column account_feeds.sequence is 'the number of the last event';

-- Numbered by account_feeds, whose row whoever adds an event has locked until it commits: so of one account the numbers
-- have no gaps, and one is seen only when all below it are.
create table account_events (
  owner_id text not null,
  sequence bigint not null,
  at timestamptz not null default clock_timestamp(),
  type text not null,
  subject text not null,
  event text not null,
  primary key (owner_id, sequence)
);
create index account_events_at_idx on account_events (at);
comment on column account_events.at is 'when it was numbered';
comment on column account_events.event is 'the CloudEvent in structured JSON';

-- Those that are older than so many days, one at least. Of one account the lowest go first: what is left has no gaps.
create function forget_account_events(row_limit integer, days integer) returns integer language sql security definer
set search_path = public, pg_temp as $$
  with gone as (
    delete from account_events as old using (
      select owner_id, sequence from account_events where at < now() - make_interval(days => greatest(days, 1))
      order by at limit row_limit
    ) as oldest
    where old.owner_id = oldest.owner_id and old.sequence = oldest.sequence
    returning 1
  ) select count(*)::integer from gone
$$;

grant select, insert, update (sequence) on account_feeds to botberi_subscribers;
grant insert on account_events to botberi_subscribers;
grant select on account_feeds, account_events to botberi_gateway;
revoke all on function forget_account_events from public;
grant execute on function forget_account_events to botberi_subscribers;
