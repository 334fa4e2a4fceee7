"""The tables of the event path, which both databases have."""

from typing import Final

EVENT_TABLES: Final = frozenset(
    {"outbox", "outbox_default", "relay_cursor", "parked_events", "inbox", "idempotency_keys"}
)
"""Tables that belong to the event path and the runtime, not to a domain's metadata."""

UPGRADE: Final = """
create table outbox (
  seq bigint generated always as identity (cache 1) primary key,
  xid xid8 not null default pg_current_xact_id(),
  id text not null,
  type text not null,
  subject text not null,
  partitionkey text not null,
  data jsonb not null,
  traceparent text,
  correlationid text,
  causationid text,
  actor text not null,
  created timestamptz not null default clock_timestamp()
) partition by range (seq);
create table outbox_default partition of outbox default;

create table inbox (
  subscriber text not null,
  source text not null,
  id text not null,
  received timestamptz not null default now(),
  primary key (subscriber, source, id)
);

create table idempotency_keys (
  caller text not null,
  key text not null,
  fingerprint text not null,
  answer text not null,
  created timestamptz not null default now(),
  primary key (caller, key)
);

-- Whoever may write events may call this and nothing else: the outbox itself can be read by the relay alone.
create function emit_event(
  type text, subject text, data jsonb,
  id text default null, traceparent text default null, correlationid text default null,
  causationid text default null, actor text default 'system'
) returns text language plpgsql security definer set search_path = public, pg_temp as $$
declare
  event_id text := coalesce(emit_event.id, 'evt_' || replace(gen_random_uuid()::text, '-', ''));
begin
  insert into outbox (id, type, subject, partitionkey, data, traceparent, correlationid, causationid, actor)
  values (event_id, emit_event.type, emit_event.subject, emit_event.subject, emit_event.data, emit_event.traceparent,
          emit_event.correlationid, emit_event.causationid, emit_event.actor);
  notify botberi_outbox;
  return event_id;
end $$;
revoke all on function emit_event from public;
"""

DOWNGRADE: Final = """
drop function emit_event;
drop table idempotency_keys;
drop table inbox;
drop table outbox;
"""
