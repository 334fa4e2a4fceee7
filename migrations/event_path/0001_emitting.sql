-- What writers call to emit an event, and what subscribers call to read a large one.

-- Wakes a sleeping relay. A relay holds the advisory lock 7166423302 while it is awake, and finds what is written by
-- itself.
-- A writer that gets the lock shared knows that every relay sleeps, and notifies. NOTIFY in every commit would take
-- one lock of the whole cluster in each, and end group commit. A relay that falls asleep frees the lock first and
-- looks once more after that: what was committed in between is seen by it, what comes later notifies.
create function wake_relay() returns void language plpgsql set search_path = public, pg_temp as $$
begin
  if pg_try_advisory_xact_lock_shared(7166423302) then
    notify botberi_outbox;
  end if;
end $$;

-- Which role emits which type: `own`, or `outside` on behalf of another system, which is named as the source. It is
-- replaced after every migration by one made from the catalog of events (see migrations/producers.py). A function that
-- returns a constant becomes a part of the expression that calls it, where looking into a table took longer than all
-- else that emit_event does; and whoever replaces it has every plan made anew.
create function event_producers() returns jsonb language sql immutable as $$ select '{}'::jsonb $$;
comment on function event_producers is 'which role emits which type, `own` or `outside`: written with every migration';

-- Emits an event and returns its id. Whoever may write events may call this and nothing else: the outbox itself can be
-- read by the relay alone.
--
-- A role emits the types that `event_producers` gives it, as this database, or if they are of other systems as one of
-- these. A type that isn't listed there is nobody's: the relay parks it, unless its catalog is the newer one.
-- The exchange decides where an event goes; a recipient is named for what is addressed to Postgres, and for the relay's
-- probe. Each part names as actor whom it serves; the relay serves nobody. Whoever owns this function may emit
-- anything.
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
  -- Without a query in it, plpgsql evaluates it by itself.
  if ((event_producers()->emit_event.type->>session_user::text) is distinct from
        case when emit_event.source is null then 'own' else 'outside' end
      and (emit_event.source is not null or event_producers() ? emit_event.type)
      or emit_event.source ~* '^[/.]*botberi([^a-z0-9_-]|$)'
      or coalesce(emit_event.recipient, emit_event.channel) is not null and session_user <> 'botberi_relay'
        and not (session_user = 'botberi_broker' and emit_event.channel is not null
                 and emit_event.recipient like 'botberi.notify.%')
      or (emit_event.actor in ('relay', 'notify')) <> (session_user = 'botberi_relay' and emit_event.actor <> 'system')
     ) and not pg_has_role(session_user, current_user, 'usage') then
    raise exception '% may not emit % so: see event_producers()', session_user, emit_event.type
      using errcode = 'insufficient_privilege';
  elsif jsonb_typeof(body) is distinct from 'object' then
    raise exception 'the data of an event is a JSON object' using errcode = 'invalid_parameter_value';
  elsif size > 16777216 then
    raise exception 'the data of an event is 16 MiB at most, not %', size using errcode = 'program_limit_exceeded';
  elsif size > 65536 then
    -- The same source and id are the same event, also when it comes again after its id was forgotten.
    insert into outbox_bodies as kept (source, id, data)
    values (coalesce(emit_event.source, event_source()), event_id, body)
    on conflict on constraint outbox_bodies_pkey do update set data = excluded.data, created = excluded.created;
    body := null;
  end if;
  insert into outbox (id, source, type, subject, partitionkey, data, traceparent, correlationid, causationid, actor,
                      recipient, channel)
  values (event_id, emit_event.source, emit_event.type, emit_event.subject, emit_event.subject, body,
          emit_event.traceparent, emit_event.correlationid, emit_event.causationid, emit_event.actor,
          emit_event.recipient, emit_event.channel);
  -- What wake_relay does, whose call took a fifth of the time.
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

-- Locks subjects until the end of the transaction. Those who emit about a subject only after that emit in the order in
-- which they commit, though they have no other lock in common. The locks are taken in one order, so that two who take
-- several never wait for each other.
create function lock_subjects(subjects text[]) returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(key) from (
    select distinct hashtextextended('subject ' || subject, 0) as key from unnest(subjects) as subject order by 1
  ) as sorted;
end $$;

create function event_body(source text, id text) returns text language sql stable security definer
set search_path = public, pg_temp as $$
  select data::text from outbox_bodies as kept where kept.source = event_body.source and kept.id = event_body.id
$$;
