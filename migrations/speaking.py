"""What both databases need so that a role says only its own events, bodies have the names of their events, and writers
who share no lock may have the order of their events kept.
"""

from typing import Final

from migrations import emitting, rotating

_TABLE: Final = """
create table event_speakers (
  type text not null,
  role text not null,
  outside boolean not null,
  primary key (type, role)
);
comment on table event_speakers is 'who may say which type; written from the catalog with every migration';
comment on column event_speakers.outside is 'on behalf of another system, which it has to name as the source';
"""

_TABLES: Final = """
-- An id is unique within its source: two systems may number their events alike.
alter table outbox_bodies add column source text not null default '/botberi/{database}';
update outbox_bodies as body set source = outbox.source
from outbox where outbox.id = body.id and outbox.source is not null;
alter table outbox_bodies
  alter column source drop default, drop constraint outbox_bodies_pkey, add primary key (source, id);
"""

_EMIT: Final = """
-- Whoever may write events may call this and nothing else: the outbox itself can be read by the relay alone.
--
-- A role says the types that `event_speakers` gives it, as this database, or if they are of other systems as one of
-- these. A type that isn't listed there is nobody's: the relay parks it, unless its catalog is the newer one.
-- Where an event goes is for the exchange to say; a recipient is named for what is addressed to Postgres, and for the
-- relay's probe. Who acted the parts say of those whom they serve; the relay serves nobody.
create or replace function emit_event(
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
  perform from event_speakers as speaker where speaker.type = emit_event.type and speaker.role = session_user
    and speaker.outside = (emit_event.source is not null);
  if (not found and (emit_event.source is not null
                     or exists (select from event_speakers as speaker where speaker.type = emit_event.type))
      or emit_event.source ~* '^[/.]*botberi([^a-z0-9_-]|$)'
      or coalesce(emit_event.recipient, emit_event.channel) is not null and session_user <> 'botberi_relay'
        and not (session_user = 'botberi_broker' and emit_event.channel is not null
                 and emit_event.recipient like 'botberi.notify.%')
      or (emit_event.actor in ('relay', 'foreign')) <> (session_user = 'botberi_relay' and emit_event.actor <> 'system')
     ) and not pg_has_role(session_user, current_user, 'usage') then
    raise exception '% may not say % so: see event_speakers', session_user, emit_event.type
      using errcode = 'insufficient_privilege';
  elsif jsonb_typeof(body) is distinct from 'object' then
    raise exception 'the data of an event is a JSON object' using errcode = 'invalid_parameter_value';
  elsif size > 16777216 then
    raise exception 'the data of an event is 16 MiB at most, not %', size using errcode = 'program_limit_exceeded';
  elsif size > 65536 then
    -- The same source and id are the same event, also when it comes again after its id was forgotten.
    insert into outbox_bodies as kept (source, id, data)
    values (coalesce(emit_event.source, '/botberi/{database}'), event_id, body)
    on conflict on constraint outbox_bodies_pkey do update set data = excluded.data, created = excluded.created;
    body := null;
  end if;
  insert into outbox (id, source, type, subject, partitionkey, data, traceparent, correlationid, causationid, actor,
                      recipient, channel)
  values (event_id, emit_event.source, emit_event.type, emit_event.subject, emit_event.subject, body,
          emit_event.traceparent, emit_event.correlationid, emit_event.causationid, emit_event.actor,
          emit_event.recipient, emit_event.channel);
  -- What ring_relay does, whose call took a fifth of the time.
  if pg_try_advisory_xact_lock_shared(7166423302) then
    notify botberi_outbox;
  end if;
  return event_id;
end $$;

-- The number that the last event got which this session has emitted: its `sequence`.
create function last_sequence() returns bigint language sql volatile security definer
set search_path = public, pg_temp as $$
  select currval(pg_get_serial_sequence('outbox', 'seq'))
$$;

-- Takes the turn of subjects until the end of the transaction. Those who emit about a subject only after that emit in
-- the order in which they commit, though they have no other lock in common. The turns are taken in one order, so that
-- two who take several never wait for each other.
create function lock_subjects(subjects text[]) returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(key) from (
    select distinct hashtextextended('subject ' || subject, 0) as key from unnest(subjects) as subject order by 1
  ) as sorted;
end $$;

drop function event_body;
create function event_body(source text, id text) returns text language sql stable security definer
set search_path = public, pg_temp as $$
  select data::text from outbox_bodies as kept where kept.source = event_body.source and kept.id = event_body.id
$$;
revoke all on function event_body, last_sequence, lock_subjects from public;
grant execute on function event_body to botberi_subscribers;
grant execute on function last_sequence, lock_subjects
  to botberi_user, botberi_admin, botberi_broker, botberi_subscribers, botberi_worker;
"""

_ROTATE: Final = """
-- Keeps two empty partitions ahead, and drops those whose events are all delivered and older than `keep`. The lock
-- waits for writers with a number of the partition; only then can it be seen that nothing undelivered is left.
--
-- More events than the partitions ahead hold may come between two looks, or while no relay runs: they lie in the
-- default partition. No other can be made then for their numbers, only for those that follow; they stay there until
-- all are delivered and old.
--
-- A body goes a month after its event may, and never while the event is parked or a dead letter that is open.
create or replace function rotate_outbox(keep interval) returns integer language plpgsql security definer
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
    continue when to_regclass('outbox_p' || number) is not null
      or exists (select from outbox_default where seq >= number * size and seq < (number + 1) * size);
    execute format('create table outbox_p%s partition of outbox for values from (%s) to (%s)',
                   number, number * size, (number + 1) * size);
  end loop;
  for part in
    select relname, relname = 'outbox_default' as is_default from pg_class
    where relkind = 'r' and (relname ~ '^outbox_p[0-9]+$' and substr(relname, 9)::bigint < newest
                             or relname = 'outbox_default' and pg_relation_size(oid) > 0)
    order by 1
  loop
    execute format('select coalesce(max(created) < now() - $1, true) from %I', part.relname) into stale using keep;
    continue when not stale;
    execute format('lock table only %I in access exclusive mode', part.relname);
    execute format('select not exists (select from %I, relay_cursor where not pg_visible_in_snapshot(xid, s1))'
                   ' and coalesce((select max(created) < now() - $1 from %1$I), true)', part.relname)
      into stale using keep;
    continue when not stale;
    execute format(case when part.is_default then 'truncate %I' else 'drop table %I' end, part.relname);
    dropped := dropped + 1;
  end loop;
  delete from outbox_bodies as body where created < now() - keep - interval '30 days'
    and not exists (
      select from parked_events as parked where parked.resolution is null
        and (coalesce(parked.letter->>'source', '/botberi/{database}'), parked.id) = (body.source, body.id))
    and not exists (
      select from dead_letters as dead where dead.resolution is null
        and (dead.source, dead.event_id) = (body.source, body.id));
  return dropped;
end $$;
"""

_DOWNGRADE: Final = """
drop function event_body, last_sequence, lock_subjects;
create function event_body(id text) returns text language sql stable security definer
set search_path = public, pg_temp as $$
  select data::text from outbox_bodies where outbox_bodies.id = event_body.id
$$;
revoke all on function event_body from public;
grant execute on function event_body to botberi_subscribers;
drop table event_speakers;
delete from outbox_bodies as body using outbox_bodies as other where body.id = other.id and body.source > other.source;
alter table outbox_bodies drop column source, add primary key (id);
"""


def table() -> str:
    """Return what makes the table of who may say what."""
    return _TABLE


def function(database: str) -> str:
    """Return the function that emits as it is here."""
    text, _, _ = _EMIT.partition("-- The number that the last event got")
    return text.replace("{database}", database)


def upgrade(database: str) -> str:
    """Return what makes it in `database`, `user_psql` or `shared_psql`."""
    return (_TABLE + _TABLES + _EMIT + _ROTATE).replace("{database}", database)


def downgrade() -> str:
    """Return what takes it back; of bodies with one id only the first source's stays."""
    return emitting.upgrade() + rotating.upgrade() + _DOWNGRADE
