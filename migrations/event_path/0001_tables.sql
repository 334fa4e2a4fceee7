-- The tables of the event path, in both databases.
--
-- Files in this folder are what migrations of both histories execute. What was released is never edited: a change is a
-- new file with the next number, whole, and a revision in each history that executes it.

-- What was emitted, in the transaction that did what the event says. Append-only.
--
-- `seq` has `cache 1`: numbers handed out in blocks would order events by who wrote, not by when. Even so a number is
-- taken before the commit, so that a higher one can become visible first. The relay therefore doesn't read by number
-- alone, but by `xid` against the snapshots of its cursor.
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
comment on column outbox.source is 'null for an event of this database';
comment on column outbox.data is 'null when it is in outbox_bodies';
comment on column outbox.recipient is 'the one queue that it goes to, as when it was redriven; null for all bound';
comment on column outbox.channel is 'the NOTIFY channel of the events that are addressed to Postgres';

-- Data of more than 64 KiB, which RabbitMQ's messages only refer to. An id is unique within its source: two systems may
-- number their events alike.
create table outbox_bodies (
  id text not null,
  data jsonb not null,
  created timestamptz not null default clock_timestamp(),
  source text not null,
  primary key (source, id)
);

-- How far the relay has come, in one row.
--
-- Everything that the snapshot s1 shows is delivered; of what s2 shows besides, everything up to last_seq. Mostly
-- s1 = s2. When there is more to read than fits a page, the relay takes s2 = now and reads up to it in the order of
-- seq, page by page; when the last page is delivered, s1 = s2. A transaction that was underway at s1 is in no gap:
-- its rows are read when it has committed, whatever their numbers.
--
-- Only one relay may move the cursor. Each that takes over raises `epoch` and names it in every update: one that was
-- paused and wakes up late finds its epoch outdated. `system_identifier` and `timeline` are of the cluster whose
-- transaction numbers these are: after a restore they mean nothing, and the relay refuses to read (see rebase_relay).
create table relay_cursor (
  name text primary key default 'outbox' check (name = 'outbox'),
  s1 pg_snapshot not null,
  s2 pg_snapshot not null,
  last_seq bigint not null default 0,
  epoch bigint not null default 0,
  holder text not null default '',
  system_identifier bigint not null default (pg_control_system()).system_identifier,
  timeline text not null default substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8),
  updated timestamptz not null default now(),
  probed timestamptz,
  probe_seconds float8
);
insert into relay_cursor (s1, s2) values ('1:1:', '1:1:');
comment on column relay_cursor.epoch is 'rises with every relay that takes over; an older one can not move the cursor';

-- An id like those of dead letters, a UUIDv7 with which they are listed: to the microsecond, so that events parked one
-- after another sort that way.
create function new_dead_letter_id(at timestamptz) returns text language sql volatile
set search_path = pg_catalog, pg_temp as $$
  select 'ded_' || lpad(to_hex(micros / 1000), 12, '0') || '7' || lpad(to_hex(micros % 1000 * 4096 / 1000), 3, '0')
    || substr(replace(gen_random_uuid()::text, '-', ''), 17)
  from (select (extract(epoch from at) * 1000000)::bigint as micros) as moment
$$;

-- Events that can't be published, taken out of the outbox's order by the relay.
create table parked_events (
  seq bigint primary key,
  id text not null,
  type text not null,
  subject text not null,
  reason text not null,
  detail text not null,
  record jsonb not null,
  parked timestamptz not null default clock_timestamp(),
  dead_letter_id text not null default new_dead_letter_id(clock_timestamp()) unique,
  resolution text check (resolution in ('redriven', 'discarded')),
  resolved_by text,
  resolved_at timestamptz,
  resolution_reason text,
  blocking boolean not null default false,
  released timestamptz
);
create index parked_events_open_idx on parked_events (dead_letter_id) where resolution is null;
create index parked_events_blocking_idx on parked_events (subject, seq) where blocking and resolution is null;
comment on table parked_events is 'events that can not be published: the whole outbox row in `record`';
comment on column parked_events.dead_letter_id is 'by which an operator names it; `id` is the event''s';
comment on column parked_events.blocking is 'later events of its subject wait behind it, with the reason `behind`';
comment on column parked_events.released is
  'when it was redriven, of one that blocks: the relay sends it before what waits behind it';

-- Events that a subscriber could not handle, each with the queue that it died in. An event is open once in a queue.
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
  resolved_at timestamptz,
  resolution_reason text
);
create unique index dead_letters_open_idx on dead_letters (queue, source, event_id) where resolution is null;
comment on column dead_letters.resolution_reason is 'the reason that whoever resolved it gave';

-- What each subscriber has handled, in the transaction that did it: an event that comes again does nothing.
create table inbox (
  subscriber text not null,
  source text not null,
  id text not null,
  body jsonb,
  received timestamptz not null default now(),
  primary key (subscriber, source, id)
);
create index inbox_received_idx on inbox using brin (received);
comment on column inbox.body is 'the event, where a NOTIFY could only refer to it';

-- The responses to requests that named an Idempotency-Key.
create table idempotency_keys (
  caller text not null,
  key text not null,
  fingerprint text not null,
  response text not null,
  created timestamptz not null default now(),
  primary key (caller, key)
);
create index idempotency_keys_created_idx on idempotency_keys using brin (created);
