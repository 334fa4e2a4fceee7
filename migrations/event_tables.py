"""The tables of the event path, which both databases have."""

from typing import Final

EVENT_TABLES: Final = frozenset(
    {
        *("outbox", "outbox_bodies", "relay_cursor", "parked_events", "dead_letters", "inbox", "idempotency_keys"),
        *("shelved_subjects", "shelved_events", "cron_slots"),
    }
)
"""Tables that belong to the event path and the runtime, not to a domain's metadata; `outbox_*` are partitions."""

_TABLES: Final = """
-- Append-only. `cache 1`, because numbers handed out in blocks would order events by who wrote, not by when. `xid` is
-- what the relay reads by: the numbers are taken before the commit, so that a higher one can become visible first.
create table outbox (
  seq bigint generated always as identity (cache 1) primary key,
  xid xid8 not null default pg_current_xact_id(),
  id text not null,
  source text,
  type text not null,
  subject text not null,
  partitionkey text not null,
  data jsonb,
  traceparent text,
  correlationid text,
  causationid text,
  actor text not null,
  recipient text,
  channel text,
  created timestamptz not null default clock_timestamp()
) partition by range (seq);
create index outbox_xid_idx on outbox (xid);
create table outbox_default partition of outbox default;
comment on column outbox.source is 'null for what this database says itself';
comment on column outbox.data is 'null when it is in outbox_bodies';
comment on column outbox.recipient is 'the one queue that it goes to, as when it was redriven; null for all bound';
comment on column outbox.channel is 'the NOTIFY channel of the events that are addressed to Postgres';

create table outbox_bodies (
  id text primary key,
  data jsonb not null,
  created timestamptz not null default clock_timestamp()
);

-- Everything visible in s1 is delivered; of what is visible in s2 besides, everything up to last_seq.
create table relay_cursor (
  name text primary key default 'outbox' check (name = 'outbox'),
  s1 pg_snapshot not null,
  s2 pg_snapshot not null,
  last_seq bigint not null default 0,
  epoch bigint not null default 0,
  holder text not null default '',
  system_identifier bigint not null default (pg_control_system()).system_identifier,
  timeline text not null default substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8),
  updated timestamptz not null default now()
);
insert into relay_cursor (s1, s2) values ('1:1:', '1:1:');
comment on column relay_cursor.epoch is 'rises with every relay that takes over; an older one can not move the cursor';

create table parked_events (
  seq bigint primary key,
  id text not null,
  type text not null,
  subject text not null,
  reason text not null,
  detail text not null,
  letter jsonb not null,
  parked timestamptz not null default clock_timestamp()
);
comment on table parked_events is 'events that can not be published: the whole outbox row in letter';

create table dead_letters (
  id text primary key,
  queue text not null,
  event_id text not null,
  source text not null,
  type text not null,
  subject text not null,
  reason text not null,
  detail text not null,
  attempts integer not null,
  event text not null,
  died_at timestamptz not null default clock_timestamp(),
  resolution text check (resolution in ('redriven', 'discarded')),
  resolved_by text,
  resolved_at timestamptz
);
create unique index dead_letters_open_idx on dead_letters (queue, source, event_id) where resolution is null;

create table inbox (
  subscriber text not null,
  source text not null,
  id text not null,
  body jsonb,
  received timestamptz not null default now(),
  primary key (subscriber, source, id)
);

comment on column inbox.body is 'the event, where a NOTIFY could only refer to it';

create table idempotency_keys (
  caller text not null,
  key text not null,
  fingerprint text not null,
  answer text not null,
  created timestamptz not null default now(),
  primary key (caller, key)
);
"""

_FUNCTIONS: Final = """
-- The awake gate. The relay holds this lock while it is awake and finds what is written by itself. A writer that gets
-- the lock knows that the relay sleeps, and rings. NOTIFY in every commit would end group commit.
create function ring_relay() returns void language plpgsql set search_path = public, pg_temp as $$
begin
  if pg_try_advisory_xact_lock_shared(7166423302) then
    notify botberi_outbox;
  end if;
end $$;

-- Whoever may write events may call this and nothing else: the outbox itself can be read by the relay alone.
create function emit_event(
  type text, subject text, data jsonb,
  id text default null, traceparent text default null, correlationid text default null,
  causationid text default null, actor text default 'system', source text default null,
  recipient text default null, channel text default null
) returns text language plpgsql security definer set search_path = public, pg_temp as $$
declare
  event_id text := coalesce(emit_event.id, 'evt_' || replace(gen_random_uuid()::text, '-', ''));
  size integer := octet_length(emit_event.data::text);
  body jsonb := emit_event.data;
begin
  if jsonb_typeof(body) is distinct from 'object' then
    raise exception 'the data of an event is a JSON object' using errcode = 'invalid_parameter_value';
  elsif size > 16777216 then
    raise exception 'the data of an event is 16 MiB at most, not %', size using errcode = 'program_limit_exceeded';
  elsif size > 65536 then
    insert into outbox_bodies (id, data) values (event_id, body);
    body := null;
  end if;
  insert into outbox (id, source, type, subject, partitionkey, data, traceparent, correlationid, causationid, actor,
                      recipient, channel)
  values (event_id, emit_event.source, emit_event.type, emit_event.subject, emit_event.subject, body,
          emit_event.traceparent, emit_event.correlationid, emit_event.causationid, emit_event.actor,
          emit_event.recipient, emit_event.channel);
  perform ring_relay();
  return event_id;
end $$;

-- The reverse direction. One statement takes in a batch: what is new becomes a NOTIFY, what was there before nothing.
-- A payload of 8,000 bytes or more would abort the transaction: such an event stays in the inbox, and the NOTIFY refers
-- to it.
create function notify_events(events jsonb) returns integer language sql security definer
set search_path = public, pg_temp as $$
  with given as (
    select distinct on (event->>'source', event->>'id') place, event, event->>'channel' as channel,
           octet_length(event::text) > 7900 as large
    from jsonb_array_elements(events) with ordinality as each (event, place)
    order by event->>'source', event->>'id', place
  ), fresh as (
    insert into inbox (subscriber, source, id, body)
    select 'notify', event->>'source', event->>'id', case when large then event end from given order by place
    on conflict do nothing returning source, id
  ), rung as (
    select pg_notify(channel, case when large
      then ((event - 'data') || jsonb_build_object('dataref', 'inbox:' || id))::text else event::text end)
    from given join fresh on fresh.source = event->>'source' and fresh.id = event->>'id' order by place
  )
  select count(*)::integer from rung
$$;

create function event_body(id text) returns text language sql stable security definer
set search_path = public, pg_temp as $$
  select data::text from outbox_bodies where outbox_bodies.id = event_body.id
$$;

-- A redriven event keeps its id, so that whoever has handled it does not do so again.
create function redrive_parked_event(seq bigint) returns text language plpgsql security definer
set search_path = public, pg_temp as $$
declare
  event_id text;
begin
  with freed as (
    delete from parked_events where parked_events.seq = redrive_parked_event.seq returning letter
  ), sent as (
    insert into outbox (id, source, type, subject, partitionkey, data, traceparent, correlationid, causationid, actor,
                        recipient, channel, created)
    select row.id, row.source, row.type, row.subject, row.partitionkey, row.data, row.traceparent, row.correlationid,
           row.causationid, row.actor, row.recipient, row.channel, row.created
    from freed, jsonb_populate_record(null::outbox, freed.letter) as row
    returning outbox.id
  )
  select sent.id into event_id from sent;
  if found then
    perform ring_relay();
  end if;
  return event_id;
end $$;

create function drop_parked_event(seq bigint) returns text language sql security definer
set search_path = public, pg_temp as $$
  delete from parked_events where parked_events.seq = drop_parked_event.seq returning id
$$;

-- Only to the queue that it died in: the other subscribers have handled it.
create function redrive_dead_letter(letter text, resolver text) returns boolean language plpgsql security definer
set search_path = public, pg_temp as $$
declare
  dead dead_letters;
  event jsonb;
begin
  update dead_letters set resolution = 'redriven', resolved_by = resolver, resolved_at = clock_timestamp()
  where id = letter and resolution is null returning * into dead;
  if not found then
    return false;
  end if;
  event := dead.event::jsonb;
  insert into outbox (id, source, type, subject, partitionkey, data, traceparent, correlationid, causationid, actor,
                      recipient, channel, created)
  values (dead.event_id, dead.source, dead.type, dead.subject, coalesce(event->>'partitionkey', dead.subject),
          event->'data', event->>'traceparent', event->>'correlationid', event->>'causationid',
          coalesce(event->>'actor', 'system'), dead.queue, event->>'channel', (event->>'time')::timestamptz);
  perform ring_relay();
  return true;
end $$;

create function discard_dead_letter(letter text, resolver text) returns boolean language plpgsql security definer
set search_path = public, pg_temp as $$
begin
  update dead_letters set resolution = 'discarded', resolved_by = resolver, resolved_at = clock_timestamp()
  where id = letter and resolution is null;
  return found;
end $$;

-- Keeps two empty partitions ahead, and drops those whose events are all delivered and older than `keep`. The lock
-- waits for writers with a number of the partition; only then can it be seen that nothing undelivered is left.
create function rotate_outbox(keep interval) returns integer language plpgsql security definer
set search_path = public, pg_temp as $$
declare
  size constant bigint := 250000;
  newest bigint;
  part record;
  stale boolean;
  dropped integer := 0;
begin
  perform set_config('lock_timeout', '200ms', true);
  select coalesce(pg_sequence_last_value(pg_get_serial_sequence('outbox', 'seq')::regclass), 0) / size into newest;
  for number in newest .. newest + 2 loop
    if to_regclass('outbox_p' || number) is null then
      execute format('create table outbox_p%s partition of outbox for values from (%s) to (%s)',
                     number, number * size, (number + 1) * size);
    end if;
  end loop;
  for part in
    select relname, substr(relname, 9)::bigint as number from pg_class
    where relname ~ '^outbox_p[0-9]+$' and relkind = 'r' and substr(relname, 9)::bigint < newest order by 2
  loop
    execute format('select coalesce(max(created) < now() - $1, true) from %I', part.relname) into stale using keep;
    continue when not stale;
    execute format('lock table only %I in access exclusive mode', part.relname);
    execute format('select not exists (select from %I, relay_cursor where not pg_visible_in_snapshot(xid, s1))',
                   part.relname) into stale;
    continue when not stale;
    execute format('drop table %I', part.relname);
    dropped := dropped + 1;
  end loop;
  delete from outbox_bodies where created < now() - keep - interval '30 days';
  return dropped;
end $$;

-- After a restore: what follows `after_seq` counts as undelivered, in this cluster's own transaction numbers.
create function rebase_relay(after_seq bigint) returns bigint language plpgsql security definer
set search_path = public, pg_temp as $$
declare
  waiting bigint;
begin
  update outbox set xid = '3' where seq <= after_seq;
  update outbox set xid = pg_current_xact_id() where seq > after_seq;
  get diagnostics waiting = row_count;
  update relay_cursor set
    s1 = '4:4:', s2 = '4:4:', last_seq = 0, epoch = epoch + 1, updated = now(),
    system_identifier = (pg_control_system()).system_identifier,
    timeline = substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8);
  return waiting;
end $$;

select rotate_outbox('7 days');
revoke all on all functions in schema public from public;
"""

_GRANTS: Final = """
grant select on outbox, outbox_bodies, parked_events, relay_cursor to botberi_relay;
grant insert on parked_events to botberi_relay;
grant select, insert on dead_letters to botberi_relay;
grant update on relay_cursor to botberi_relay;
grant execute on function rotate_outbox, ring_relay, emit_event, notify_events to botberi_relay;
grant execute on function event_body to botberi_subscribers;
grant select on dead_letters, parked_events, relay_cursor to botberi_admin, botberi_broker;
grant execute on function redrive_dead_letter, discard_dead_letter, redrive_parked_event, drop_parked_event
  to botberi_admin, botberi_broker;
"""

UPGRADE: Final = _TABLES + _FUNCTIONS + _GRANTS

DOWNGRADE: Final = """
drop function emit_event, event_body, notify_events, redrive_parked_event, drop_parked_event, redrive_dead_letter,
  discard_dead_letter, rotate_outbox, rebase_relay;
drop function ring_relay;
drop table idempotency_keys;
drop table inbox;
drop table dead_letters;
drop table parked_events;
drop table relay_cursor;
drop table outbox_bodies;
drop table outbox;
"""
