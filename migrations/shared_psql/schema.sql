-- Written by `make schema` from a migrated database: change the migrations, not this file.
--
-- Everything belongs to botberi_migrator; who else may do what is in docs/security/rights.md. The partitions of
-- tables are left out, and what event_producers() returns, which is written from the catalog of events.

CREATE FUNCTION public.account_is_gone(account text) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'public', 'pg_temp'
    AS $$
  select exists (select from account_purges where account_id = account)
$$;

CREATE FUNCTION public.added_numbers(jsonb, jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    AS $_$
  select coalesce(jsonb_object_agg(name, total), '{}') from (
    select key as name, trim_scale(sum(round((value#>>'{}')::numeric, 12))) as total
    from (select *, 1 as place from jsonb_each($1) union all select *, 2 from jsonb_each($2)) as each
    where jsonb_typeof(value) = 'number'
    group by key order by min(place), key limit 100
  ) as sums
$_$;

CREATE FUNCTION public.api_key_of(key_hash text) RETURNS TABLE(id text, account_id text, scopes text[], expires_at timestamp with time zone, used_lately boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  select api_keys.id, api_keys.account_id, api_keys.scopes, api_keys.expires_at,
         coalesce(last_used_at > now() - interval '1 minute', false)
  from api_keys where hash = key_hash and api_keys.expires_at > now()
$$;

CREATE FUNCTION public.api_key_uses(key_ids text[]) RETURNS TABLE(id text, last_used_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  select api_keys.id, api_keys.last_used_at from api_keys
  where api_keys.id = any(key_ids) and api_keys.last_used_at is not null
$$;

CREATE FUNCTION public.append_audit_anchor(number bigint, first_seq bigint, last_seq bigint, hash bytea, document text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
  before record;
begin
  perform pg_advisory_xact_lock(7166423305);
  select audit_anchors.number, audit_anchors.last_seq into before from audit_anchors
    order by audit_anchors.number desc limit 1;
  if number <> coalesce(before.number, 0) + 1 or first_seq <> coalesce(before.last_seq, 0) + 1 or last_seq < first_seq
      or not exists (select from audit_seals where seq = append_audit_anchor.last_seq) then
    raise exception 'the anchor % does not go on from the one before', number using errcode = 'integrity_constraint_violation';
  end if;
  insert into audit_anchors (number, first_seq, last_seq, hash, document)
  values (number, first_seq, last_seq, hash, document);
end $$;

CREATE FUNCTION public.append_audit_entry(origin text, actor text, action text, targets text[], outcome text, details text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
  recorded_at timestamptz := clock_timestamp();
  micros bigint := (extract(epoch from recorded_at) * 1000000)::bigint;
  -- A UUIDv7 (RFC 9562), as all ids are.
  id text := 'aud_' || lpad(to_hex(micros / 1000), 12, '0') || '7' || lpad(to_hex(micros % 1000 * 4096 / 1000), 3, '0')
    || substr(replace(gen_random_uuid()::text, '-', ''), 17);
  salt bytea := uuid_send(gen_random_uuid());
  commitment bytea := sha256(salt || convert_to(details, 'UTF8'));
begin
  if not (case origin
            when 'request' then session_user in ('botberi_user', 'botberi_admin', 'botberi_broker')
            when 'command' then session_user in ('botberi_admin', 'botberi_broker')
            else session_user = 'botberi_subscribers'
          end or pg_has_role(session_user, current_user, 'usage')) then
    raise exception '% may not append entries of the origin %', session_user, origin
      using errcode = 'insufficient_privilege';
  end if;
  insert into audit_entries (id, recorded_at, origin, actor, action, targets, outcome, details, salt,
                             details_commitment, entry_hash)
  values (id, recorded_at, origin, actor, action, targets, outcome, details::json, salt, commitment,
          audit_entry_hash(id, recorded_at, origin, actor, action, targets, outcome, commitment));
  insert into audit_parties (party, acted, entry_id) values (split_part(actor, '/', 1), true, id);
  insert into audit_parties (party, acted, entry_id) select distinct target, false, id from unnest(targets) as target;
  insert into audit_queue (entry_id) values (id);
  return id;
end $$;

CREATE TABLE public.audit_entries (
    id text NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    origin text NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    targets text[] NOT NULL,
    outcome text NOT NULL,
    details json,
    salt bytea,
    details_commitment bytea NOT NULL,
    entry_hash bytea NOT NULL,
    CONSTRAINT audit_entries_erased_check CHECK (((details IS NULL) = (salt IS NULL))),
    CONSTRAINT audit_entries_origin_check CHECK ((origin = ANY (ARRAY['request'::text, 'command'::text, 'event'::text]))),
    CONSTRAINT audit_entries_outcome_check CHECK ((outcome = ANY (ARRAY['succeeded'::text, 'refused'::text, 'failed'::text])))
);

COMMENT ON TABLE public.audit_entries IS 'who did what: appended by append_audit_entry() alone';

COMMENT ON COLUMN public.audit_entries.details IS 'JSON text as it was given, whose bytes are hashed; null once it was erased';

COMMENT ON COLUMN public.audit_entries.salt IS 'of the commitment; erased with the details, which then nobody can guess';

COMMENT ON COLUMN public.audit_entries.details_commitment IS 'sha256 of the salt and the details';

COMMENT ON COLUMN public.audit_entries.entry_hash IS 'sha256 of all that is here but the details and the salt';

CREATE FUNCTION public.audit_entries_about(account text, before text, row_limit integer, one text) RETURNS SETOF public.audit_entries
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  with found as (
    (select entry_id from audit_parties
     where party = account and acted and (before is null or entry_id < before) and (one is null or entry_id = one)
     order by entry_id desc limit row_limit)
    union
    (select entry_id from audit_parties
     where party = account and not acted and (before is null or entry_id < before) and (one is null or entry_id = one)
     order by entry_id desc limit row_limit)
  )
  select id, recorded_at, origin, actor, action, targets, outcome,
    case when own then details else (details::jsonb - 'context')::json end,
    case when own then salt when details is not null then ''::bytea end, details_commitment, entry_hash
  from found join audit_entries on id = entry_id, lateral (select split_part(actor, '/', 1) = account as own) as whose
  order by id desc limit row_limit
$$;

CREATE FUNCTION public.audit_entry_hash(id text, recorded_at timestamp with time zone, origin text, actor text, action text, targets text[], outcome text, details_commitment bytea) RETURNS bytea
    LANGUAGE plpgsql STABLE
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
  hashed bytea := audit_field('botberi.audit.entry.v1') || audit_field(event_source()) || audit_field(id)
    || int8send((extract(epoch from recorded_at) * 1000000)::bigint)
    || audit_field(origin) || audit_field(actor) || audit_field(action) || int4send(cardinality(targets));
  target text;
begin
  foreach target in array targets loop
    hashed := hashed || audit_field(target);
  end loop;
  return sha256(hashed || audit_field(outcome) || details_commitment);
end $$;

CREATE FUNCTION public.audit_field(value text) RETURNS bytea
    LANGUAGE sql STABLE
    AS $$
  select int4send(octet_length(value)) || convert_to(value, 'UTF8')
$$;

CREATE TABLE public.runs (
    id text NOT NULL COLLATE pg_catalog."C",
    conversation_id text NOT NULL,
    "position" integer NOT NULL,
    instance_id text NOT NULL,
    owner_id text NOT NULL,
    version_id text,
    protocol text DEFAULT 'api'::text NOT NULL,
    client_key text,
    fingerprint text,
    message_id text NOT NULL,
    message jsonb NOT NULL,
    status text DEFAULT 'queued'::text NOT NULL,
    reason text NOT NULL,
    explanation text NOT NULL,
    status_at timestamp with time zone DEFAULT now() NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    retries integer DEFAULT 0 NOT NULL,
    seconds integer NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    deadline_at timestamp with time zone,
    request jsonb,
    answer jsonb,
    cancel_reason text,
    cancelled_by text,
    reply text,
    reply_sequence bigint DEFAULT 0 NOT NULL,
    usage jsonb DEFAULT '{}'::jsonb NOT NULL,
    wall_ms bigint DEFAULT 0 NOT NULL,
    processor_ms bigint DEFAULT 0 NOT NULL,
    reservation jsonb,
    last_sequence bigint DEFAULT 0 NOT NULL,
    lease_owner text,
    lease_token bigint DEFAULT 0 NOT NULL,
    lease_expires_at timestamp with time zone,
    traceparent text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    notifies boolean DEFAULT false NOT NULL,
    CONSTRAINT runs_deadline_check CHECK (((deadline_at IS NULL) = (status = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text])))),
    CONSTRAINT runs_ended_check CHECK (((ended_at IS NOT NULL) = (status = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text])))),
    CONSTRAINT runs_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'input_required'::text, 'completed'::text, 'failed'::text, 'cancelled'::text])))
);

COMMENT ON COLUMN public.runs."position" IS 'in its conversation, whose runs take turns in this order';

COMMENT ON COLUMN public.runs.version_id IS 'which answered; null before the first attempt';

COMMENT ON COLUMN public.runs.protocol IS 'by which it was asked';

COMMENT ON COLUMN public.runs.client_key IS 'by which whoever asks twice is given the first; null if it has none';

COMMENT ON COLUMN public.runs.fingerprint IS 'of what was asked with that key';

COMMENT ON COLUMN public.runs.message IS 'what the agent is told: text, and what came with it';

COMMENT ON COLUMN public.runs.reason IS 'a typed reason for the present status';

COMMENT ON COLUMN public.runs.explanation IS 'the reason for people';

COMMENT ON COLUMN public.runs.status_at IS 'since when it has that status';

COMMENT ON COLUMN public.runs.attempt IS 'calls of the agent that were begun';

COMMENT ON COLUMN public.runs.retries IS 'calls that may be begun after the first: one more with each answer';

COMMENT ON COLUMN public.runs.seconds IS 'how long a call of the agent may take';

COMMENT ON COLUMN public.runs.deadline_at IS 'when the present status is given up';

COMMENT ON COLUMN public.runs.request IS 'what the agent has asked for; null while it asks nothing';

COMMENT ON COLUMN public.runs.answer IS 'the answer to what the agent asked last';

COMMENT ON COLUMN public.runs.cancel_reason IS 'why it is to be cancelled; null unless somebody has asked';

COMMENT ON COLUMN public.runs.reply IS 'the text of its events up to reply_sequence; null before there is any that stays';

COMMENT ON COLUMN public.runs.reply_sequence IS 'the number up to which the reply is that: an attempt that is tried again is left out';

COMMENT ON COLUMN public.runs.usage IS 'what the agent reports, by its names';

COMMENT ON COLUMN public.runs.reservation IS 'what is reserved of budgets; null when nothing is';

COMMENT ON COLUMN public.runs.last_sequence IS 'the number of its last event';

COMMENT ON COLUMN public.runs.lease_owner IS 'the runner that has the lease; null when none has';

COMMENT ON COLUMN public.runs.lease_token IS 'the fencing token';

COMMENT ON COLUMN public.runs.traceparent IS 'of the request that asked for it';

COMMENT ON COLUMN public.runs.notifies IS 'whether somebody is to be notified of its statuses';

CREATE FUNCTION public.begin_run(run jsonb, patience double precision, first jsonb, event_type text, event_subject text, event_data jsonb, event_id text, event_traceparent text, event_correlationid text, event_causationid text, event_actor text) RETURNS SETOF public.runs
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
#variable_conflict use_column
begin
  return query
  with begun as (
    insert into runs (
      id, conversation_id, position, instance_id, owner_id, protocol, client_key, fingerprint, message_id, message,
      reason, explanation, retries, seconds, traceparent, last_sequence, deadline_at
    )
    select told.*, clock_timestamp() + make_interval(secs => patience)
    from jsonb_to_record(run) as told(
      id text, conversation_id text, position integer, instance_id text, owner_id text, protocol text, client_key text,
      fingerprint text, message_id text, message jsonb, reason text, explanation text, retries integer, seconds integer,
      traceparent text, last_sequence bigint
    )
    on conflict (instance_id, client_key) do nothing
    returning *
  ), added as (
    insert into run_events (run_id, sequence, at, type, data)
    select begun.id, told.sequence, told.at, told.type, told.data
    from begun cross join jsonb_to_record(first) as told(sequence bigint, at timestamptz, type text, data jsonb)
  )
  select begun.* from begun
  where emit_event(
    type => event_type, subject => event_subject, data => event_data, id => event_id, traceparent => event_traceparent,
    correlationid => event_correlationid, causationid => event_causationid, actor => event_actor) is not null;
end $$;

CREATE FUNCTION public.claim_runs(claimer text, most integer, lease_seconds double precision, most_of_owner integer, most_of_instance integer) RETURNS SETOF public.runs
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
  -- One claims at a time, so that two who count the same can't go beyond a bound together.
  perform pg_advisory_xact_lock(hashtextextended('runs are claimed', 0));
  -- Owners are found one after the other by the index, however many runs each has. Of each as many are looked at as may
  -- be at work; of a conversation the first that hasn't ended. Whoever has least at work comes first.
  return query
  with recursive owners as (
    (select owner_id from runs where status = 'queued' order by owner_id limit 1)
    union all
    select (select next.owner_id from runs as next
            where next.status = 'queued' and next.owner_id > owners.owner_id order by next.owner_id limit 1)
    from owners where owners.owner_id is not null
  ), at_work as (
    select owner_id, instance_id, count(*) as number from runs where lease_owner is not null group by 1, 2
  ), of_owners as (
    select owner_id, sum(number) as number from at_work group by 1
  ), candidates as (
    select waiting.id,
      row_number() over (partition by waiting.owner_id order by waiting.id) + coalesce(of_owners.number, 0) as turn,
      row_number() over (partition by waiting.instance_id order by waiting.id) + coalesce(at_work.number, 0)
        as instance_turn
    from owners
    cross join lateral (
      select id, owner_id, instance_id from runs
      where status = 'queued' and owner_id = owners.owner_id and lease_owner is null and due_at <= clock_timestamp()
        and not exists (
          select from runs as earlier
          where earlier.conversation_id = runs.conversation_id and earlier.position < runs.position
            and earlier.status in ('queued', 'running', 'input_required'))
        and not exists (
          select from at_work where at_work.instance_id = runs.instance_id and at_work.number >= most_of_instance)
      order by id limit most_of_owner
    ) as waiting
    left join of_owners on of_owners.owner_id = waiting.owner_id
    left join at_work on at_work.instance_id = waiting.instance_id
  ), chosen as (
    select id from candidates where turn <= most_of_owner and instance_turn <= most_of_instance
    order by turn, id limit most
  )
  update runs
  set lease_owner = claimer, lease_expires_at = clock_timestamp() + make_interval(secs => lease_seconds),
    lease_token = greatest(lease_token + 1, (extract(epoch from clock_timestamp()) * 1000000)::bigint),
    attempt = attempt + 1
  from chosen where runs.id = chosen.id and runs.status = 'queued' and runs.lease_owner is null
  returning runs.*;
end $$;

CREATE FUNCTION public.count_ended_run() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
  today text := (now() at time zone 'utc')::date;
begin
  perform note_count(array['runs.' || today || '.' || new.status, 'cost.' || today],
                     array[1, case when new.attempt > 0 then reported_cost(new.usage) else 0 end]);
  return null;
end $$;

CREATE FUNCTION public.count_instance() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
  if tg_op <> 'INSERT' then
    perform note_count(array['instances.status.' || old.status, 'instances.desired.' || old.desired_state], '{-1,-1}');
  end if;
  if tg_op <> 'DELETE' then
    perform note_count(array['instances.status.' || new.status, 'instances.desired.' || new.desired_state], '{1,1}');
  end if;
  return null;
end $$;

CREATE FUNCTION public.count_version() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
  if tg_op <> 'INSERT' then
    perform note_count(array['versions.' || old.status], '{-1}');
  end if;
  if tg_op <> 'DELETE' then
    perform note_count(array['versions.' || new.status], '{1}');
  end if;
  return null;
end $$;

CREATE FUNCTION public.defer_events(on_queue text, opened jsonb, events jsonb) RETURNS SETOF text
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
  insert into deferred_subjects (queue, subject, attempts, due)
  select on_queue, each.subject, each.attempts, clock_timestamp() + make_interval(secs => each.pause)
  from jsonb_to_recordset(opened) as each (subject text, attempts integer, pause float8)
  order by each.subject on conflict do nothing;
  perform from deferred_subjects
  where queue = on_queue and subject in (select each->>'subject' from jsonb_array_elements(events) as each)
  order by subject for update;
  insert into deferred_events (queue, subject, source, event_id, event)
  select on_queue, there.subject, each->>'source', each->>'id', decode(each->>'event', 'base64')
  from jsonb_array_elements(events) with ordinality as given (each, place)
  join deferred_subjects there on there.queue = on_queue and there.subject = each->>'subject'
  order by place on conflict do nothing;
  return query select distinct each->>'subject' from jsonb_array_elements(events) as each
  where not exists (
    select from deferred_subjects there where there.queue = on_queue and there.subject = each->>'subject');
end $$;

CREATE FUNCTION public.delete_purged_instances(ids text[], account text, reason text, message text, next text, seconds integer, actor text, traceparent text, correlationid text, causationid text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
  asked integer := 0;
  instance record;
begin
  for instance in
    with concerned as (
      select instances.id, desired_state as previous from instances
      where desired_state <> 'deleted' and owner_id = account
        and exists (select from account_purges where account_id = account)
      order by instances.id limit cardinality(ids) for update
    )
    update instances
    set desired_state = 'deleted', reason = delete_purged_instances.reason, message = delete_purged_instances.message,
      next = delete_purged_instances.next, deadline_at = now() + make_interval(secs => seconds), due_at = now(),
      attempts = 0, updated_at = now(), row_version = row_version + 1
    from concerned where instances.id = concerned.id
    returning instances.id, instances.owner_id, concerned.previous
  loop
    asked := asked + 1;
    perform emit_event(
      type => 'com.botberi.instance.desired_state_changed.v1', subject => instance.id, id => ids[asked],
      data => jsonb_build_object('instance_id', instance.id, 'owner_id', instance.owner_id,
                                 'desired_state', 'deleted', 'reason', delete_purged_instances.reason),
      traceparent => delete_purged_instances.traceparent, correlationid => delete_purged_instances.correlationid,
      causationid => delete_purged_instances.causationid, actor => delete_purged_instances.actor);
    insert into instance_events (id, sequence, instance_id, kind, previous, value, reason, actor, message, next)
    values (ids[asked], last_sequence(), instance.id, 'desired_state', instance.previous, 'deleted',
            delete_purged_instances.reason, delete_purged_instances.actor, delete_purged_instances.message,
            delete_purged_instances.next);
  end loop;
  return asked;
end $$;

CREATE FUNCTION public.emit_event(type text, subject text, data jsonb, id text DEFAULT NULL::text, traceparent text DEFAULT NULL::text, correlationid text DEFAULT NULL::text, causationid text DEFAULT NULL::text, actor text DEFAULT 'system'::text, source text DEFAULT NULL::text, recipient text DEFAULT NULL::text, channel text DEFAULT NULL::text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
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
end $_$;

CREATE FUNCTION public.ended_api_keys(key_ids text[]) RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  select key_id from unnest(key_ids) as key_id where not exists (
    select from api_keys where id = key_id and hash is not null and expires_at > now())
$$;

CREATE FUNCTION public.erase_audit_details(account text, row_limit integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
  erased integer := 0;
begin
  if account_is_gone(account) then
    update audit_entries set details = null, salt = null where id in (
      select id from audit_parties join audit_entries on id = entry_id
      where party = account and details is not null and (not acted or not exists (
        select from unnest(targets) as target where target like 'usr\_%' and target <> account))
      limit row_limit);
    get diagnostics erased = row_count;
  end if;
  return erased;
end $$;

CREATE FUNCTION public.event_body(source text, id text) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  select data::text from outbox_bodies as kept where kept.source = event_body.source and kept.id = event_body.id
$$;

CREATE FUNCTION public.event_path_status(row_limit integer) RETURNS TABLE(holder text, epoch bigint, relays integer, progress_seconds double precision, waiting integer, oldest_seconds double precision, parked integer, dead integer)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
declare
  c relay_cursor;
  oldest timestamptz;
  more integer;
  older timestamptz;
begin
  select * into c from relay_cursor;
  waiting := 0;
  if c.s1::text <> c.s2::text then
    select count(*), min(created) into waiting, oldest from (
      select o.created from outbox o
      where o.seq > c.last_seq and not pg_visible_in_snapshot(o.xid, c.s1) order by o.seq limit row_limit) as ahead;
  end if;
  if waiting < row_limit then
    select count(*), min(created) into more, older from (
      select o.created from (
        select l.seq, l.created from outbox l where l.xid >= pg_snapshot_xmax(c.s2)
        union all
        select u.seq, u.created from outbox u where u.xid = any(array(select pg_snapshot_xip(c.s2)))
      ) as o where c.s1::text = c.s2::text or o.seq <= c.last_seq limit row_limit - waiting) as behind;
    waiting := waiting + more;
    oldest := least(oldest, older);
  end if;
  holder := c.holder;
  epoch := c.epoch;
  progress_seconds := extract(epoch from clock_timestamp() - c.updated);
  -- What was redriven keeps its time, which another system may have set.
  oldest_seconds := case when oldest is not null then greatest(extract(epoch from clock_timestamp() - oldest), 0) end;
  select count(*) into relays from pg_stat_activity
    where datname = current_database() and usename = 'botberi_relay' and application_name = 'botberi-relay';
  select count(*) into parked from (select from parked_events where resolution is null limit row_limit) as p;
  select count(*) into dead from (select from dead_letters where resolution is null limit row_limit) as d;
  return next;
end $$;

CREATE FUNCTION public.event_producers() RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    AS $$ select '{}'::jsonb $$;

COMMENT ON FUNCTION public.event_producers() IS 'which role emits which type, `own` or `outside`: written with every migration';

CREATE FUNCTION public.event_source() RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$ select '/botberi/shared_psql' $$;

CREATE FUNCTION public.event_trail(event text, made timestamp with time zone) RETURNS TABLE(id text, type text, subject text, actor text, causationid text, at timestamp with time zone, delivered boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
  c relay_cursor;
  low bigint;
  high bigint;
  middle bigint;
  written timestamptz;
begin
  select * into c from relay_cursor;
  select coalesce(min(o.seq), 0), coalesce(max(o.seq), 0) into low, high from outbox o;
  if made is null then
    low := greatest(low, high - 10000);
  end if;
  while made is not null and low < high loop
    middle := low + (high - low) / 2;
    select o.created into written from outbox o where o.seq >= middle order by o.seq limit 1;
    if written < made - interval '1 second' then
      low := middle + 1;
    else
      high := middle;
    end if;
  end loop;
  return query
  select o.id, o.type, o.subject, o.actor, o.causationid, o.created,
    pg_visible_in_snapshot(o.xid, c.s1) or (o.seq <= c.last_seq and pg_visible_in_snapshot(o.xid, c.s2))
  from outbox o
  where o.seq >= low and o.seq < low + 10000 and event in (o.id, o.causationid)
  order by o.seq limit 50;
end $$;

COMMENT ON FUNCTION public.event_trail(event text, made timestamp with time zone) IS 'an event and those that it has caused, without their data';

CREATE FUNCTION public.exported_rows(account text) RETURNS TABLE(name text, content jsonb)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  with mine as (select id from instances where owner_id = account)
  select 'instances', to_jsonb(t) - '{lease_owner,lease_expires_at,queued_at,due_at}'::text[] from instances as t
    where owner_id = account
  union all select 'instance_specs', to_jsonb(t) from instance_specs as t where instance_id in (select id from mine)
  union all select 'instance_events', to_jsonb(t) from instance_events as t where instance_id in (select id from mine)
  union all select 'instance_secrets', to_jsonb(t) - '{key_id,wrapped_key,sealed}'::text[] from instance_secrets as t
    where instance_id in (select id from mine)
  union all select 'instance_logs', to_jsonb(t) from instance_logs as t where instance_id in (select id from mine)
  union all select 'instance_log_usage', to_jsonb(t) from instance_log_usage as t where owner_id = account
  union all select 'agent_memory', to_jsonb(t) from agent_memory as t where instance_id in (select id from mine)
  union all select 'agent_memory_usage', to_jsonb(t) from agent_memory_usage as t where owner_id = account
  union all select 'conversations', to_jsonb(t) from conversations as t where instance_id in (select id from mine)
  union all select 'runs', to_jsonb(t) - '{lease_owner,lease_token,lease_expires_at,fingerprint}'::text[] from runs as t
    where owner_id = account
  union all select 'run_events', to_jsonb(t) from run_events as t
    where run_id in (select id from runs where owner_id = account)
  union all select 'push_configs', to_jsonb(t) - '{key_id,wrapped_key,sealed,claimed_until}'::text[] from push_configs as t
    where run_id in (select id from runs where owner_id = account)
  union all select 'run_usage', to_jsonb(t) from run_usage as t where owner_id = account
  union all select 'budgets', to_jsonb(t) from budgets as t where owner_id = account
  union all select 'account_limits', to_jsonb(t) from account_limits as t where account_id = account
  union all select 'account_events', to_jsonb(t) from account_events as t where owner_id = account
  union all select 'account_feeds', to_jsonb(t) from account_feeds as t where owner_id = account
  union all select 'api_keys', to_jsonb(t) - 'hash' from api_keys as t where account_id = account
  union all select 'verified_accounts', to_jsonb(t) from verified_accounts as t where account_id = account
  union all select 'audit', to_jsonb(t) from audit as t where subject = account
$$;

CREATE FUNCTION public.fire_schedule(of_schedule text, at_slot timestamp with time zone, event_type text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
  newest timestamptz;
begin
  if at_slot > clock_timestamp() then
    return null;
  end if;
  perform pg_advisory_xact_lock(hashtextextended('schedule ' || of_schedule, 0));
  select max(slot) from cron_slots where schedule = of_schedule into newest;
  if newest is null then
    insert into cron_slots (schedule, slot) values (of_schedule, at_slot);
    return false;
  elsif newest >= at_slot then
    return false;
  end if;
  insert into cron_slots (schedule, slot, fired) values (of_schedule, at_slot, clock_timestamp());
  perform emit_event(type => event_type, subject => of_schedule, data => jsonb_build_object(
    'schedule', of_schedule, 'slot', to_char(at_slot at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')));
  return true;
end $$;

CREATE FUNCTION public.first_id(prefix text, at timestamp with time zone) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
  select prefix || '_' || lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0')
$$;

CREATE FUNCTION public.forget_account_events(row_limit integer, days integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  with gone as (
    delete from account_events as old using (
      select owner_id, sequence from account_events where at < now() - make_interval(days => greatest(days, 1))
      order by at limit row_limit
    ) as oldest
    where old.owner_id = oldest.owner_id and old.sequence = oldest.sequence
    returning 1
  ) select count(*)::integer from gone
$$;

CREATE FUNCTION public.forget_account_purges(row_limit integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  with old as (
    delete from account_purges where account_id in (
      select account_id from account_purges
      where purged_at < now() - interval '45 days'
        and not exists (select from instances where owner_id = account_id) limit row_limit)
    returning 1
  ) select count(*)::integer from old
$$;

CREATE FUNCTION public.forget_agent_log_sources(row_limit integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  with old as (
    delete from agent_log_sources where source in (
      select source from agent_log_sources where received < now() - interval '45 days' limit row_limit)
    returning 1
  ) select count(*)::integer from old
$$;

CREATE FUNCTION public.forget_api_keys(row_limit integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  with old as (
    delete from api_keys where id in (select id from api_keys where expires_at < now() limit row_limit)
    returning 1
  ) select count(*)::integer from old
$$;

CREATE FUNCTION public.forget_handled_events(row_limit integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  with old as (
    delete from inbox where (subscriber, source, id) in (
      select subscriber, source, id from inbox where received < now() - interval '45 days' limit row_limit)
    returning 1
  ) select count(*)::integer from old
$$;

CREATE FUNCTION public.forget_idempotency_keys(row_limit integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  with old as (
    delete from idempotency_keys where (caller, key) in (
      select caller, key from idempotency_keys where created < now() - interval '7 days' limit row_limit)
    returning 1
  ) select count(*)::integer from old
$$;

CREATE FUNCTION public.forget_instance_logs(row_limit integer, days integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  with old as (
    (select instance_id, sequence from instance_logs
     where at < now() - make_interval(days => greatest(days, 1)) limit row_limit)
    union
    (select instance_id, sequence from instance_logs join instances on id = instance_id
     where status = 'deleted' limit row_limit)
  ), gone as (
    delete from instance_logs using old
    where instance_logs.instance_id = old.instance_id and instance_logs.sequence = old.sequence
    returning instance_logs.instance_id, octet_length(text) + 64 as bytes
  ), freed as (
    update instance_log_usage as usage set bytes = greatest(usage.bytes - sums.bytes, 0)
    from (select instance_id, sum(bytes) as bytes from gone group by instance_id) as sums
    where usage.instance_id = sums.instance_id
  ) select least(count(*), row_limit)::integer from gone
$$;

CREATE FUNCTION public.forget_run(run text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
  perform from runs where id = run and ended_at is not null for update;
  if not found then
    return false;
  end if;
  delete from run_events where run_id = run;
  delete from runs where id = run;
  return true;
end $$;

CREATE FUNCTION public.forget_run_usage(row_limit integer, days integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
  forgotten integer;
begin
  delete from run_usage where ctid in (
    select ctid from run_usage where day < (now() at time zone 'utc')::date - greatest(days, 31) limit row_limit);
  get diagnostics forgotten = row_count;
  return forgotten;
end $$;

CREATE FUNCTION public.forget_runs(row_limit integer, days integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
  old text[];
  empty integer;
begin
  select array_agg(id) into old from (
    (select id from runs where ended_at < now() - make_interval(days => greatest(days, 1)) limit row_limit)
    union
    (select runs.id from runs join instances on instances.id = instance_id
     where instances.status = 'deleted' and ended_at is not null limit row_limit)
  ) as found;
  delete from run_events where run_id = any (old);
  delete from runs where id = any (old);
  delete from conversations where id in (
    select conversations.id from conversations
    where (updated_at < now() - make_interval(days => greatest(days, 1))
           or exists (select from instances where instances.id = instance_id and status = 'deleted'))
      and not exists (select from runs where conversation_id = conversations.id)
    limit row_limit);
  get diagnostics empty = row_count;
  return least(greatest(coalesce(cardinality(old), 0), empty), row_limit);
end $$;

CREATE FUNCTION public.forget_slots(row_limit integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  with old as (
    delete from cron_slots where (schedule, slot) in (
      select schedule, slot from cron_slots old where slot < now() - interval '30 days'
      and exists (select from cron_slots newer where newer.schedule = old.schedule and newer.slot > old.slot)
      limit row_limit)
    returning 1
  ) select count(*)::integer from old
$$;

CREATE FUNCTION public.ingest_events(sources text[], ids text[], channels text[], events text[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
  ), notified as (
    select pg_notify(channel, case when octet_length(event) > fit
      then (event::jsonb - 'data' || jsonb_build_object('dataref', 'inbox:' || id))::text else event end)
    from given join fresh using (source, id) order by place
  )
  select count(*) from notified into count;
  return count;
end $$;

CREATE FUNCTION public.instance_statistics() RETURNS TABLE(status text, instances bigint, overdue bigint, past_deadline bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  select status, count(*), count(*) filter (where due_at < clock_timestamp() - interval '60 seconds'),
         count(*) filter (where deadline_at < clock_timestamp())
  from instances where status <> 'deleted' group by status
$$;

COMMENT ON FUNCTION public.instance_statistics() IS 'instances by status: how many, waiting for a worker for more than a minute, beyond their deadline';

CREATE FUNCTION public.instance_to_ask(asked text, asking text) RETURNS TABLE(desired_state text, status text, message text, retries integer, budgeted boolean, kill_switch text, open_of_instance bigint, waiting_of_owner bigint)
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
  return query
  select instances.desired_state, instances.status, instances.message,
    coalesce((
      select agent_versions.retries from instance_specs
      join agent_versions on agent_versions.id = instance_specs.version_id
      where instance_specs.instance_id = instances.id and instance_specs.generation = instances.observed_generation), 0),
    exists (
      select from budgets
      where budgets.owner_id = instances.owner_id
        and (budgets.instance_id is null or budgets.instance_id = instances.id)
        and (budgets.runs is not null or budgets.cost is not null)),
    kill_switch_reason(instances.id, instances.owner_id, instances.version_id),
    (select count(*) from runs
     where runs.instance_id = instances.id and runs.status in ('queued', 'running', 'input_required')),
    (select count(*) from runs where runs.owner_id = instances.owner_id and runs.status = 'queued')
  from instances
  where instances.id = asked and instances.owner_id = asking and instances.status <> 'deleted'
  for key share of instances;
end $$;

CREATE FUNCTION public.kill_switch_reason(of_instance text, of_owner text, of_version text) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
  return (
    select reason from kill_switches
    where released_at is null
      and (scope = 'everything'
        or (scope in ('owner', 'suspension') and target = of_owner)
        or (scope = 'version' and (target = of_version
          or target in (select version_id from instance_specs where instance_id = of_instance))))
    order by id limit 1
  );
end $$;

CREATE FUNCTION public.last_sequence() RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  select currval(pg_get_serial_sequence('outbox', 'seq'))
$$;

CREATE FUNCTION public.lock_subjects(subjects text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform pg_advisory_xact_lock(key) from (
    select distinct hashtextextended('subject ' || subject, 0) as key from unnest(subjects) as subject order by 1
  ) as sorted;
end $$;

CREATE FUNCTION public.new_dead_letter_id(at timestamp with time zone) RETURNS text
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select 'ded_' || lpad(to_hex(micros / 1000), 12, '0') || '7' || lpad(to_hex(micros % 1000 * 4096 / 1000), 3, '0')
    || substr(replace(gen_random_uuid()::text, '-', ''), 17)
  from (select (extract(epoch from at) * 1000000)::bigint as micros) as moment
$$;

CREATE FUNCTION public.note_api_key_use(key_id text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET lock_timeout TO '100ms'
    AS $$
  update api_keys set last_used_at = now() where id = (
    select id from api_keys
    where id = key_id and hash is not null
      and (last_used_at is null or last_used_at <= now() - interval '1 minute')
    for update skip locked)
$$;

CREATE FUNCTION public.note_count(counters text[], differences numeric[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
  insert into counts_pending (counter, value) select * from unnest(counters, differences);
  -- One folds at a time, until its transaction ends; the others leave it to the next.
  if random() < 0.003 and pg_try_advisory_xact_lock(7166423304) then
    with folded as (delete from counts_pending returning counter, value)
    insert into counts as known (counter, value)
    select folded.counter, sum(folded.value) from folded group by 1 order by 1
    on conflict (counter) do update set value = known.value + excluded.value;
  end if;
end $$;

CREATE FUNCTION public.publisher_of(key_hash text) RETURNS TABLE(id text, sources text[], types text[], scopes text[])
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  select publishers.id, publishers.sources, publishers.types, publishers.scopes
  from publisher_keys join publishers on publishers.id = publisher_id
  where hash = key_hash and revoked_at is null and (expires_at is null or expires_at > now())
$$;

CREATE FUNCTION public.purge_account(account text, row_limit integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
declare
  old text[];
  gone text[];
  belonging record;
begin
  if not exists (select from account_purges where account_id = account) then
    return false;
  end if;
  select array_agg(id) into old from (
    select runs.id from runs join instances on instances.id = instance_id
    where instances.owner_id = account and instances.status = 'deleted' and ended_at is not null limit row_limit
  ) as found;
  delete from run_events where run_id = any (old);
  delete from runs where id = any (old);
  select array_agg(id) into gone from (
    select id from instances
    where owner_id = account and status = 'deleted'
      and not exists (select from runs where instance_id = instances.id)
    order by id limit row_limit for update
  ) as found;
  -- Rows belong to an instance by its id, whether or not there is a foreign key, so that a table that is added later is
  -- no exception.
  for belonging in
    select attrelid::regclass as child from pg_attribute join pg_class on pg_class.oid = attrelid
    where attname = 'instance_id' and not attisdropped and relkind in ('r', 'p') and not relispartition
      and relnamespace = 'public'::regnamespace and attrelid <> 'runs'::regclass
  loop
    execute format('delete from %s where instance_id = any ($1)', belonging.child) using gone;
  end loop;
  delete from instances where id = any (gone);
  delete from account_events where owner_id = account;
  delete from account_feeds where owner_id = account;
  delete from account_limits where account_id = account;
  delete from api_keys where account_id = account;
  delete from budgets where owner_id = account and instance_id is null;
  delete from idempotency_keys where caller = account;
  delete from verified_accounts where account_id = account;
  return exists (select from instances where owner_id = account);
end $_$;

CREATE FUNCTION public.rebase_relay(after_seq bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION public.record_api_key(key_id text, key_hash text, owner text, key_scopes text[], expires timestamp with time zone) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  insert into api_keys (id, hash, account_id, scopes, expires_at)
  values (key_id, key_hash, owner, key_scopes, expires)
  on conflict (id) do nothing
$$;

CREATE FUNCTION public.refuse_audit_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
  if tg_op = 'UPDATE' and tg_table_name = 'audit_entries' then
    if old.details is not null and new.details is null and new.salt is null
        and (old.id, old.recorded_at, old.origin, old.actor, old.action, old.targets, old.outcome,
             old.details_commitment, old.entry_hash)
          = (new.id, new.recorded_at, new.origin, new.actor, new.action, new.targets, new.outcome,
             new.details_commitment, new.entry_hash) then
      return new;
    end if;
  end if;
  raise exception 'the audit trail is only appended to: % of % is refused', tg_op, tg_table_name
    using errcode = 'insufficient_privilege';
end $$;

CREATE FUNCTION public.remember_revoked(session text, expires timestamp with time zone) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  delete from revoked_sessions where expires_at < now();
  insert into revoked_sessions as known (session_id, expires_at) values (session, expires)
  on conflict (session_id) do update set expires_at = greatest(known.expires_at, excluded.expires_at)
$$;

CREATE FUNCTION public.reported_cost(usage jsonb) RETURNS numeric
    LANGUAGE sql IMMUTABLE
    AS $_$
  select case when usage->>'cost' ~ '^[0-9]{1,40}([.][0-9]{1,40})?([eE][-+]?[0-9]{1,2})?$'
    then trim_scale(round((usage->>'cost')::numeric, 12)) else 0 end
$_$;

CREATE FUNCTION public.resolve_dead_letters(ids text[], how text, resolver text, grounds text DEFAULT NULL::text) RETURNS SETOF text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
  return query
  with dead as (
    update dead_letters d set resolution = how, resolved_by = resolver, resolved_at = clock_timestamp(),
      resolution_reason = grounds
    where d.id = any(ids) and d.resolution is null returning d.*
  ), released as (
    update parked_events p set released = clock_timestamp(), resolved_by = resolver, resolution_reason = grounds
    where p.dead_letter_id = any(ids) and p.resolution is null and p.blocking and how = 'redriven'
    returning p.dead_letter_id
  ), parked as (
    update parked_events p set resolution = how, resolved_by = resolver, resolved_at = clock_timestamp(),
      resolution_reason = grounds
    where p.dead_letter_id = any(ids) and p.resolution is null and not (p.blocking and how = 'redriven') returning p.*
  ), stuck as (
    select p.dead_letter_id, p.seq as place, row.id, row.source, row.type, row.subject, row.partitionkey, row.data,
           row.traceparent, row.correlationid, row.causationid, row.actor, row.recipient, row.channel, row.created
    from parked p, jsonb_populate_record(null::outbox, p.record) as row
    union all
    select d.id, null, d.event_id, d.source, d.type, d.subject, coalesce(whole->>'partitionkey', d.subject),
           whole->'data', whole->>'traceparent', whole->>'correlationid', whole->>'causationid',
           coalesce(whole->>'actor', 'system'), d.queue, whole->>'channel', (whole->>'time')::timestamptz
    from dead d, lateral (select case when how = 'redriven' then d.event::jsonb end as whole) as decoded
  ), sent as (
    insert into outbox (id, source, type, subject, partitionkey, data, traceparent, correlationid, causationid, actor,
                        recipient, channel, created)
    select s.id, s.source, s.type, s.subject, s.partitionkey, s.data, s.traceparent, s.correlationid, s.causationid,
           s.actor, s.recipient, s.channel, s.created
    from stuck s where how = 'redriven' order by s.place, s.dead_letter_id
    returning 1
  )
  select s.dead_letter_id from stuck s union all select r.dead_letter_id from released r order by 1;
  if how = 'redriven' then
    perform wake_relay();
  end if;
end $$;

CREATE FUNCTION public.revoke_api_key(key_id text, expires timestamp with time zone) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  insert into api_keys (id, expires_at) values (key_id, expires)
  on conflict (id) do update set hash = null, account_id = null, scopes = null
$$;

CREATE FUNCTION public.ring_runners() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
  perform pg_notify('runs', tg_argv[0]);
  return null;
end $$;

CREATE FUNCTION public.roll_back_instance(instance text) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  with back as (
    update instances
    set version_id = good.version_id, config = good.config, secret_places = good.secret_places, limits = good.limits,
      generation = instances.generation + 1, observed_generation = instances.generation + 1
    from instance_specs as good
    where instances.id = instance and good.instance_id = instance
      and good.generation = instances.observed_generation and good.generation < instances.generation
    returning instances.id, instances.generation, instances.version_id, instances.config, instances.secret_places,
      instances.limits
  )
  insert into instance_specs (instance_id, generation, version_id, config, secret_places, limits)
  select id, generation, version_id, config, secret_places, limits from back
  returning generation
$$;

CREATE FUNCTION public.rotate_outbox(keep interval) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
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
        and (coalesce(parked.record->>'source', event_source()), parked.id) = (body.source, body.id))
    and not exists (
      select from dead_letters as dead where dead.resolution is null
        and (dead.source, dead.event_id) = (body.source, body.id));
  return dropped;
end $_$;

CREATE FUNCTION public.rotate_run_events(days integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
declare
  day date;
  part record;
  dropped integer := 0;
  low text;
  high text;
begin
  perform set_config('lock_timeout', '200ms', true);
  for number in 0 .. 2 loop
    day := (now() at time zone 'utc')::date + number;
    low := first_id('run', day::timestamp at time zone 'utc');
    high := first_id('run', (day + 1)::timestamp at time zone 'utc');
    continue when to_regclass('run_events_' || to_char(day, 'YYYYMMDD')) is not null
      or exists (select from run_events_default where run_id >= low and run_id < high);
    execute format('create table run_events_%s partition of run_events for values from (%L) to (%L)',
                   to_char(day, 'YYYYMMDD'), low, high);
  end loop;
  for part in
    select relname from pg_class
    where relkind = 'r' and relname ~ '^run_events_[0-9]{8}$'
      and to_date(substr(relname, 12), 'YYYYMMDD') < (now() at time zone 'utc')::date - greatest(days, 1)
    order by 1
  loop
    day := to_date(substr(part.relname, 12), 'YYYYMMDD');
    low := first_id('run', day::timestamp at time zone 'utc');
    high := first_id('run', (day + 1)::timestamp at time zone 'utc');
    continue when exists (
      select from runs where id >= low and id < high
        and (ended_at is null or ended_at > now() - make_interval(days => greatest(days, 1))));
    execute format('drop table %I', part.relname);
    dropped := dropped + 1;
  end loop;
  return dropped;
end $_$;

CREATE FUNCTION public.seal_audit_entries(row_limit integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
  seq bigint;
  tip bytea;
  sealed integer := 0;
  entry record;
begin
  perform pg_advisory_xact_lock(7166423304);
  select audit_seals.seq, chain_hash into seq, tip from audit_seals order by audit_seals.seq desc limit 1;
  if not found then
    seq := 0;
    tip := decode(repeat('00', 32), 'hex');
  end if;
  for entry in
    with taken as (
      delete from audit_queue where ctid = any (array(select ctid from audit_queue limit row_limit)) returning entry_id
    ) select entry_id, entry_hash from taken join audit_entries on audit_entries.id = entry_id order by entry_id
  loop
    seq := seq + 1;
    sealed := sealed + 1;
    tip := sha256(tip || entry.entry_hash || int8send(seq));
    insert into audit_seals (seq, entry_id, entry_hash, chain_hash) values (seq, entry.entry_id, entry.entry_hash, tip);
  end loop;
  return sealed;
end $$;

CREATE FUNCTION public.search_names(name text, slug text, tags text[], capabilities text[]) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select to_tsvector('simple', public.search_text(concat_ws(' ', name, slug, array_to_string(tags || capabilities, ' '))))
$$;

CREATE FUNCTION public.search_query(words text[]) RETURNS tsquery
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select to_tsquery('simple', coalesce(string_agg(format('''%s'':*', quoted), ' & '), ''))
  from unnest(words) as word, replace(replace(public.search_text(word), '\', '\\'), '''', '''''') as quoted
  where quoted <> ''
$$;

CREATE FUNCTION public.search_text(said text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select replace(lower(extensions.unaccent('extensions.unaccent',
    regexp_replace(normalize(said, NFKD), '[' || chr(768) || '-' || chr(879) || ']', '', 'g'))), chr(962), chr(963))
$$;

CREATE FUNCTION public.search_whole(name text, slug text, tags text[], capabilities text[], summary text, description text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select public.search_text(concat_ws(chr(10),
    name, slug, array_to_string(tags || capabilities, ' '), summary, description))
$$;

CREATE FUNCTION public.session_is_revoked(session text) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
  return exists (select from revoked_sessions where session_id = session);
end $$;

CREATE FUNCTION public.settle_deferred_events(on_queue text, of_subject text, by_claim text, taken bigint[], tried integer, pause double precision) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
  perform from deferred_subjects where queue = on_queue and subject = of_subject and claim = by_claim for update;
  if not found then
    return false;
  end if;
  delete from deferred_events where seq = any (taken);
  if exists (select from deferred_events where queue = on_queue and subject = of_subject) then
    update deferred_subjects
    set attempts = tried, claim = null, due = clock_timestamp() + make_interval(secs => pause)
    where queue = on_queue and subject = of_subject;
  else
    delete from deferred_subjects where queue = on_queue and subject = of_subject;
  end if;
  return true;
end $$;

CREATE FUNCTION public.stop_instances(ids text[], of_owner text, of_version text, reason text, message text, next text, seconds integer, actor text, traceparent text, correlationid text, causationid text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
  stopped integer := 0;
  instance record;
begin
  for instance in
    with concerned as (
      select instances.id from instances
      where desired_state = 'running' and (of_owner is null or owner_id = of_owner)
        and (of_version is null or instances.id in (
          select wants.id from instances as wants where wants.version_id = of_version
          union all
          select instance_id from instance_specs where instance_specs.version_id = of_version
        ))
      order by instances.id limit cardinality(ids) for update
    )
    update instances
    set desired_state = 'stopped', reason = stop_instances.reason, message = stop_instances.message,
      next = stop_instances.next, deadline_at = now() + make_interval(secs => seconds), due_at = now(), attempts = 0,
      updated_at = now(), row_version = row_version + 1
    from concerned where instances.id = concerned.id
    returning instances.id, instances.owner_id
  loop
    stopped := stopped + 1;
    perform emit_event(
      type => 'com.botberi.instance.desired_state_changed.v1', subject => instance.id, id => ids[stopped],
      data => jsonb_build_object('instance_id', instance.id, 'owner_id', instance.owner_id,
                                 'desired_state', 'stopped', 'reason', stop_instances.reason),
      traceparent => stop_instances.traceparent, correlationid => stop_instances.correlationid,
      causationid => stop_instances.causationid, actor => stop_instances.actor);
    insert into instance_events (id, sequence, instance_id, kind, previous, value, reason, actor, message, next)
    values (ids[stopped], last_sequence(), instance.id, 'desired_state', 'running', 'stopped', stop_instances.reason,
            stop_instances.actor, stop_instances.message, stop_instances.next);
  end loop;
  return stopped;
end $$;

CREATE FUNCTION public.wake_relay() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
  if pg_try_advisory_xact_lock_shared(7166423302) then
    notify botberi_outbox;
  end if;
end $$;

CREATE TABLE public.account_events (
    owner_id text NOT NULL,
    sequence bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    event text NOT NULL
);

COMMENT ON COLUMN public.account_events.at IS 'when it was numbered';

COMMENT ON COLUMN public.account_events.event IS 'the CloudEvent in structured JSON';

CREATE TABLE public.account_feeds (
    owner_id text NOT NULL,
    sequence bigint NOT NULL
)
WITH (fillfactor='70');

COMMENT ON COLUMN public.account_feeds.sequence IS 'the number of the last event';

CREATE TABLE public.account_limits (
    account_id text NOT NULL,
    limits jsonb NOT NULL,
    row_version integer DEFAULT 1 NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON COLUMN public.account_limits.limits IS 'by their names; what isn''t there is the installation''s';

CREATE TABLE public.account_purges (
    account_id text NOT NULL,
    purged_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE public.account_purges IS 'accounts of which nothing is to be left; kept for a while, since events may be late';

CREATE TABLE public.agent_log_sources (
    source text NOT NULL,
    batch bigint NOT NULL,
    received timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE public.agent_log_sources IS 'agent hosts, each start of one on its own';

COMMENT ON COLUMN public.agent_log_sources.batch IS 'the last batch of lines that was taken from it';

CREATE TABLE public.agent_memory (
    instance_id text NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    value jsonb NOT NULL,
    bytes integer NOT NULL,
    row_version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON COLUMN public.agent_memory.bytes IS 'that it counts';

CREATE TABLE public.agent_memory_usage (
    instance_id text NOT NULL,
    owner_id text NOT NULL,
    bytes bigint DEFAULT 0 NOT NULL
);

COMMENT ON COLUMN public.agent_memory_usage.bytes IS 'of all that is kept for the instance';

CREATE TABLE public.agent_versions (
    id text NOT NULL,
    agent_id text NOT NULL,
    number text NOT NULL,
    config_schema json NOT NULL,
    image text,
    bundle_sha256 text,
    changelog text DEFAULT ''::text NOT NULL,
    published_by text NOT NULL,
    published_at timestamp with time zone DEFAULT now() NOT NULL,
    status text DEFAULT 'published'::text NOT NULL,
    status_reason text DEFAULT ''::text NOT NULL,
    status_changed_by text,
    status_changed_at timestamp with time zone,
    row_version integer DEFAULT 1 NOT NULL,
    retries integer DEFAULT 0 NOT NULL,
    interface jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT agent_versions_retries_check CHECK (((retries >= 0) AND (retries <= 10))),
    CONSTRAINT agent_versions_source_check CHECK (((image IS NULL) <> (bundle_sha256 IS NULL))),
    CONSTRAINT agent_versions_status_check CHECK ((status = ANY (ARRAY['published'::text, 'deprecated'::text, 'yanked'::text])))
);

COMMENT ON COLUMN public.agent_versions.number IS 'semantic version';

COMMENT ON COLUMN public.agent_versions.config_schema IS 'JSON Schema 2020-12; writeOnly properties are secret';

COMMENT ON COLUMN public.agent_versions.image IS 'an OCI image reference, or null when there is a bundle';

COMMENT ON COLUMN public.agent_versions.status_reason IS 'for people: why it is deprecated or yanked';

COMMENT ON COLUMN public.agent_versions.retries IS 'how often a run is tried again that was lost or that failed';

COMMENT ON COLUMN public.agent_versions.interface IS 'what it offers to clients of protocols: skills, tools, prompts, resources';

CREATE TABLE public.agents (
    id text NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    summary text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    listed boolean DEFAULT true NOT NULL,
    row_version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    capabilities text[] DEFAULT '{}'::text[] NOT NULL,
    searched text GENERATED ALWAYS AS (public.search_whole(name, slug, tags, capabilities, summary, description)) STORED,
    names tsvector GENERATED ALWAYS AS (public.search_names(name, slug, tags, capabilities)) STORED,
    featured_rank smallint DEFAULT 0 NOT NULL,
    CONSTRAINT agents_featured_rank_check CHECK (((featured_rank >= 0) AND (featured_rank <= 1000))),
    CONSTRAINT agents_slug_check CHECK ((slug ~ '^[a-z][a-z0-9-]{1,62}$'::text))
);

COMMENT ON COLUMN public.agents.listed IS 'whether people find it in the catalog';

COMMENT ON COLUMN public.agents.tags IS 'what it is about';

COMMENT ON COLUMN public.agents.capabilities IS 'what it can do';

COMMENT ON COLUMN public.agents.featured_rank IS 'where it stands among those that are shown first: 1 before 2; 0 for elsewhere';

CREATE TABLE public.dead_letters (
    id text NOT NULL,
    queue text NOT NULL,
    event_id text NOT NULL,
    source text NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    attempts integer NOT NULL,
    event text NOT NULL,
    died_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    resolution text,
    resolved_by text,
    resolved_at timestamp with time zone,
    resolution_reason text,
    CONSTRAINT dead_letters_resolution_check CHECK ((resolution = ANY (ARRAY['redriven'::text, 'discarded'::text])))
);

COMMENT ON COLUMN public.dead_letters.resolution_reason IS 'the reason that whoever resolved it gave';

CREATE TABLE public.parked_events (
    seq bigint NOT NULL,
    id text NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    record jsonb NOT NULL,
    parked timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    dead_letter_id text DEFAULT public.new_dead_letter_id(clock_timestamp()) NOT NULL,
    resolution text,
    resolved_by text,
    resolved_at timestamp with time zone,
    resolution_reason text,
    blocking boolean DEFAULT false NOT NULL,
    released timestamp with time zone,
    CONSTRAINT parked_events_resolution_check CHECK ((resolution = ANY (ARRAY['redriven'::text, 'discarded'::text])))
);

COMMENT ON TABLE public.parked_events IS 'events that can not be published: the whole outbox row in `record`';

COMMENT ON COLUMN public.parked_events.dead_letter_id IS 'by which an operator names it; `id` is the event''s';

COMMENT ON COLUMN public.parked_events.blocking IS 'later events of its subject wait behind it, with the reason `behind`';

COMMENT ON COLUMN public.parked_events.released IS 'when it was redriven, of one that blocks: the relay sends it before what waits behind it';

CREATE VIEW public.all_dead_letters AS
 SELECT id,
    'dead'::text AS kind,
    queue,
    event_id,
    source,
    type,
    subject,
    reason,
    detail,
    attempts,
    event,
    died_at,
    resolution,
    resolved_by,
    resolved_at,
    resolution_reason
   FROM public.dead_letters
UNION ALL
 SELECT dead_letter_id AS id,
    'parked'::text AS kind,
    (record ->> 'recipient'::text) AS queue,
    id AS event_id,
    COALESCE((record ->> 'source'::text), public.event_source()) AS source,
    type,
    subject,
    reason,
    detail,
    0 AS attempts,
    ((jsonb_strip_nulls(jsonb_build_object('specversion', '1.0', 'id', id, 'source', COALESCE((record ->> 'source'::text), public.event_source()), 'type', type, 'subject', subject, 'time', (record -> 'created'::text), 'traceparent', (record -> 'traceparent'::text), 'correlationid', (record -> 'correlationid'::text), 'causationid', (record -> 'causationid'::text), 'actor', (record -> 'actor'::text), 'channel', (record -> 'channel'::text))) ||
        CASE
            WHEN ((record -> 'data'::text) = 'null'::jsonb) THEN jsonb_build_object('dataref', ((public.event_source() || '/bodies/'::text) || id))
            ELSE jsonb_build_object('data', (record -> 'data'::text))
        END))::text AS event,
    parked AS died_at,
    resolution,
    resolved_by,
    resolved_at,
    resolution_reason
   FROM public.parked_events;

CREATE TABLE public.api_keys (
    id text NOT NULL,
    hash text,
    account_id text,
    scopes text[],
    expires_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone,
    CONSTRAINT api_keys_whole_check CHECK ((num_nulls(hash, account_id, scopes) = ANY (ARRAY[0, 3])))
);

COMMENT ON COLUMN public.api_keys.hash IS 'sha256 of the key; null once it was revoked';

COMMENT ON COLUMN public.api_keys.last_used_at IS 'to the minute, and only by what works on this database';

CREATE TABLE public.approvals (
    id text NOT NULL,
    action text NOT NULL,
    arguments jsonb NOT NULL,
    target text NOT NULL,
    reason text NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    decision text,
    decided_by text,
    decided_at timestamp with time zone,
    decision_reason text,
    CONSTRAINT approvals_decided_check CHECK ((((decision IS NULL) = (decided_by IS NULL)) AND ((decision IS NULL) = (decided_at IS NULL)))),
    CONSTRAINT approvals_decision_check CHECK ((decision = ANY (ARRAY['approved'::text, 'rejected'::text]))),
    CONSTRAINT approvals_two_check CHECK (((decision IS DISTINCT FROM 'approved'::text) OR (decided_by <> requested_by)))
);

COMMENT ON COLUMN public.approvals.action IS 'the name of the endpoint that was asked';

COMMENT ON COLUMN public.approvals.arguments IS 'what it was asked for';

COMMENT ON COLUMN public.approvals.target IS 'what it is about, for people';

CREATE TABLE public.audit (
    id text NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    actor text NOT NULL,
    trace_id text,
    data jsonb NOT NULL,
    happened_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.audit_anchors (
    number bigint NOT NULL,
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    hash bytea NOT NULL,
    document text NOT NULL,
    anchored_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE public.audit_anchors IS 'what was put into the store of anchors of the chain';

COMMENT ON COLUMN public.audit_anchors.hash IS 'sha256 of the document';

COMMENT ON COLUMN public.audit_anchors.document IS 'the text of what was put there';

CREATE TABLE public.audit_parties (
    party text NOT NULL,
    acted boolean NOT NULL,
    entry_id text NOT NULL
);

COMMENT ON TABLE public.audit_parties IS 'by whom an entry is found: its actor, without an API key, and its targets';

CREATE TABLE public.audit_queue (
    entry_id text NOT NULL
);

COMMENT ON TABLE public.audit_queue IS 'entries that are not sealed yet';

CREATE TABLE public.audit_seals (
    seq bigint NOT NULL,
    entry_id text NOT NULL,
    entry_hash bytea NOT NULL,
    chain_hash bytea NOT NULL
);

COMMENT ON TABLE public.audit_seals IS 'the order of entries, as a chain of hashes: without gaps, and never two after one';

COMMENT ON COLUMN public.audit_seals.chain_hash IS 'sha256 of the chain_hash before it, the entry_hash and the seq';

CREATE TABLE public.budgets (
    id text NOT NULL,
    owner_id text NOT NULL,
    instance_id text,
    set_by text NOT NULL,
    period text NOT NULL,
    runs bigint,
    cost numeric,
    cost_per_run numeric,
    begins date NOT NULL,
    count integer DEFAULT 1 NOT NULL,
    spent_runs bigint DEFAULT 0 NOT NULL,
    spent_cost numeric DEFAULT 0 NOT NULL,
    reserved_runs bigint DEFAULT 0 NOT NULL,
    reserved_cost numeric DEFAULT 0 NOT NULL,
    nearly_spent boolean DEFAULT false NOT NULL,
    row_version integer DEFAULT 1 NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    exhausted boolean GENERATED ALWAYS AS ((((runs IS NOT NULL) AND ((spent_runs + reserved_runs) >= runs)) OR ((cost IS NOT NULL) AND (((spent_cost + reserved_cost) + cost_per_run) > cost)))) STORED,
    CONSTRAINT budgets_cost_check CHECK (((cost IS NULL) = (cost_per_run IS NULL))),
    CONSTRAINT budgets_period_check CHECK ((period = ANY (ARRAY['day'::text, 'month'::text]))),
    CONSTRAINT budgets_scope_check CHECK (((instance_id IS NULL) OR (set_by = 'owner'::text))),
    CONSTRAINT budgets_set_by_check CHECK ((set_by = ANY (ARRAY['owner'::text, 'administrator'::text])))
);

COMMENT ON COLUMN public.budgets.instance_id IS 'null for that of the whole account';

COMMENT ON COLUMN public.budgets.runs IS 'how many there may be; null for no limit';

COMMENT ON COLUMN public.budgets.cost IS 'what they may cost together; null for no limit';

COMMENT ON COLUMN public.budgets.cost_per_run IS 'what is reserved for a run until it ends';

COMMENT ON COLUMN public.budgets.begins IS 'the first day, in UTC, of what is counted';

COMMENT ON COLUMN public.budgets.count IS 'grows whenever counting begins anew';

COMMENT ON COLUMN public.budgets.nearly_spent IS 'whether it was told so';

COMMENT ON COLUMN public.budgets.exhausted IS 'whether it has no room for another run, until it is counted anew';

CREATE TABLE public.bundles (
    sha256 text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.channel_moves (
    id text NOT NULL,
    agent_id text NOT NULL,
    channel text NOT NULL,
    kind text NOT NULL,
    previous_version_id text,
    version_id text,
    candidate_version_id text,
    candidate_percent smallint,
    reason text DEFAULT ''::text NOT NULL,
    moved_by text NOT NULL,
    moved_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT channel_moves_kind_check CHECK ((kind = ANY (ARRAY['published'::text, 'moved'::text, 'rolled_back'::text])))
);

COMMENT ON COLUMN public.channel_moves.kind IS 'published: by a publication; rolled_back: to what it replaced';

CREATE TABLE public.channels (
    agent_id text NOT NULL,
    name text NOT NULL,
    version_id text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    candidate_version_id text,
    candidate_percent smallint,
    row_version integer DEFAULT 1 NOT NULL,
    CONSTRAINT channels_candidate_check CHECK ((((candidate_version_id IS NULL) = (candidate_percent IS NULL)) AND ((candidate_percent >= 0) AND (candidate_percent <= 100)) AND ((candidate_version_id IS NULL) OR (version_id IS NOT NULL)))),
    CONSTRAINT channels_name_check CHECK ((name = ANY (ARRAY['stable'::text, 'beta'::text])))
);

CREATE TABLE public.conversations (
    id text NOT NULL,
    instance_id text NOT NULL,
    owner_id text NOT NULL,
    client_key text,
    runs integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON COLUMN public.conversations.client_key IS 'by what a client of a protocol knows it: the protocol, and its own id';

COMMENT ON COLUMN public.conversations.runs IS 'how many: the position of the last';

CREATE TABLE public.counts (
    counter text NOT NULL,
    value numeric NOT NULL
);

COMMENT ON TABLE public.counts IS 'how many rows are in each state, but for what is pending';

CREATE TABLE public.counts_pending (
    counter text NOT NULL,
    value numeric NOT NULL
);

COMMENT ON TABLE public.counts_pending IS 'differences that are not yet in counts';

CREATE TABLE public.cron_slots (
    schedule text NOT NULL,
    slot timestamp with time zone NOT NULL,
    fired timestamp with time zone
);

COMMENT ON COLUMN public.cron_slots.fired IS 'null for the slot before the first, from which a new schedule counts';

CREATE TABLE public.deferred_events (
    seq bigint NOT NULL,
    queue text NOT NULL,
    subject text NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    event bytea NOT NULL
);

ALTER TABLE public.deferred_events ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.deferred_events_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.deferred_subjects (
    queue text NOT NULL,
    subject text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    due timestamp with time zone NOT NULL,
    claim text,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

COMMENT ON TABLE public.deferred_subjects IS 'subjects whose events wait here instead of in RabbitMQ';

COMMENT ON COLUMN public.deferred_subjects.attempts IS 'calls that failed, of the first event that waits';

COMMENT ON COLUMN public.deferred_subjects.due IS 'when it is tried again; while it is claimed, when the claim ends by itself';

CREATE TABLE public.idempotency_keys (
    caller text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    response text NOT NULL,
    created timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.inbox (
    subscriber text NOT NULL,
    source text NOT NULL,
    id text NOT NULL,
    body jsonb,
    received timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON COLUMN public.inbox.body IS 'the event, where a NOTIFY could only refer to it';

CREATE TABLE public.instance_events (
    id text NOT NULL,
    instance_id text NOT NULL,
    kind text NOT NULL,
    previous text,
    value text NOT NULL,
    reason text NOT NULL,
    actor text NOT NULL,
    message text NOT NULL,
    next text DEFAULT ''::text NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    sequence bigint
);

COMMENT ON COLUMN public.instance_events.kind IS 'what changed: `desired_state`, `status`, `generation`, `quarantine`; or `reconciliation`';

CREATE TABLE public.instance_log_usage (
    instance_id text NOT NULL,
    owner_id text NOT NULL,
    sequence bigint DEFAULT 0 NOT NULL,
    bytes bigint DEFAULT 0 NOT NULL,
    day date NOT NULL,
    day_bytes bigint DEFAULT 0 NOT NULL,
    capped text,
    dropped bigint DEFAULT 0 NOT NULL,
    CONSTRAINT instance_log_usage_capped_check CHECK ((capped = ANY (ARRAY['day'::text, 'account'::text])))
);

COMMENT ON COLUMN public.instance_log_usage.sequence IS 'the number of the last line';

COMMENT ON COLUMN public.instance_log_usage.bytes IS 'of the lines that are kept';

COMMENT ON COLUMN public.instance_log_usage.day IS 'in UTC, on which the last line was written';

COMMENT ON COLUMN public.instance_log_usage.day_bytes IS 'of the lines of that day';

COMMENT ON COLUMN public.instance_log_usage.capped IS 'which cap was reached, and said so; null since a line was kept again';

COMMENT ON COLUMN public.instance_log_usage.dropped IS 'lines that were dropped since';

CREATE TABLE public.instance_logs (
    instance_id text NOT NULL,
    sequence bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    stream text NOT NULL,
    level text NOT NULL,
    message_id text,
    text text NOT NULL,
    CONSTRAINT instance_logs_level_check CHECK ((level = ANY (ARRAY['debug'::text, 'info'::text, 'warning'::text, 'error'::text, 'critical'::text]))),
    CONSTRAINT instance_logs_stream_check CHECK ((stream = ANY (ARRAY['stdout'::text, 'stderr'::text, 'platform'::text])))
);

COMMENT ON COLUMN public.instance_logs.at IS 'when the host read it';

COMMENT ON COLUMN public.instance_logs.stream IS '`platform` for what the agent hasn''t written itself';

COMMENT ON COLUMN public.instance_logs.message_id IS 'the message that was being answered; null between messages, and among several';

CREATE TABLE public.instance_secrets (
    instance_id text NOT NULL,
    place text NOT NULL,
    version integer NOT NULL,
    key_id text NOT NULL,
    wrapped_key bytea NOT NULL,
    sealed bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON COLUMN public.instance_secrets.place IS 'a JSON Pointer into the config';

COMMENT ON COLUMN public.instance_secrets.version IS 'the generation that it came with; a new value is a new row';

COMMENT ON COLUMN public.instance_secrets.key_id IS 'the master key that wraps the data key';

COMMENT ON COLUMN public.instance_secrets.wrapped_key IS 'the data key, encrypted with the master key';

COMMENT ON COLUMN public.instance_secrets.sealed IS 'the value as JSON, encrypted with the data key';

CREATE TABLE public.instance_specs (
    instance_id text NOT NULL,
    generation integer NOT NULL,
    version_id text NOT NULL,
    config json NOT NULL,
    secret_places text[] NOT NULL,
    limits jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.instances (
    id text NOT NULL,
    owner_id text NOT NULL,
    agent_id text NOT NULL,
    version_id text NOT NULL,
    name text NOT NULL,
    config json NOT NULL,
    desired_state text NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    reason text NOT NULL,
    message text NOT NULL,
    next text DEFAULT ''::text NOT NULL,
    deadline_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    row_version integer DEFAULT 1 NOT NULL,
    lease_owner text,
    lease_expires_at timestamp with time zone,
    queued_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    secret_places text[] DEFAULT '{""}'::text[] NOT NULL,
    limits jsonb DEFAULT '{}'::jsonb NOT NULL,
    labels jsonb DEFAULT '{}'::jsonb NOT NULL,
    generation integer DEFAULT 1 NOT NULL,
    observed_generation integer,
    discoverable boolean DEFAULT false NOT NULL,
    quarantined_at timestamp with time zone,
    quarantined_by text,
    quarantine_reason text,
    CONSTRAINT instances_deadline_check CHECK (((status <> ALL (ARRAY['pending'::text, 'provisioning'::text, 'starting'::text, 'updating'::text, 'stopping'::text, 'deleting'::text])) OR (deadline_at IS NOT NULL))),
    CONSTRAINT instances_desired_state_check CHECK ((desired_state = ANY (ARRAY['running'::text, 'stopped'::text, 'deleted'::text]))),
    CONSTRAINT instances_quarantine_check CHECK ((num_nulls(quarantined_at, quarantined_by, quarantine_reason) = ANY (ARRAY[0, 3]))),
    CONSTRAINT instances_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'provisioning'::text, 'starting'::text, 'updating'::text, 'running'::text, 'stopping'::text, 'stopped'::text, 'failed'::text, 'deleting'::text, 'deleted'::text])))
);

COMMENT ON COLUMN public.instances.config IS 'as it was sent, with the schema''s defaults: order and numbers stay';

COMMENT ON COLUMN public.instances.reason IS 'a typed reason for the present status';

COMMENT ON COLUMN public.instances.message IS 'the reason for people';

COMMENT ON COLUMN public.instances.next IS 'what happens next, for people';

COMMENT ON COLUMN public.instances.deadline_at IS 'when a transient status is given up';

COMMENT ON COLUMN public.instances.attempts IS 'starts that failed one after another';

COMMENT ON COLUMN public.instances.due_at IS 'when the worker should look again';

COMMENT ON COLUMN public.instances.lease_owner IS 'who has the lease, drawn at random; null when nobody has';

COMMENT ON COLUMN public.instances.queued_at IS 'when the sweep last handed it to the workers';

COMMENT ON COLUMN public.instances.secret_places IS 'JSON Pointers to the secrets in the config, which nobody is shown; an empty one stands for all of it';

COMMENT ON COLUMN public.instances.limits IS 'those of its own, below the installation''s';

COMMENT ON COLUMN public.instances.generation IS 'counts what it shall consist of';

COMMENT ON COLUMN public.instances.observed_generation IS 'the one that serves; null before it has run for the first time';

COMMENT ON COLUMN public.instances.discoverable IS 'whether its card is read without a token';

COMMENT ON COLUMN public.instances.quarantined_at IS 'since when nobody may start it; null for one that isn''t set apart';

COMMENT ON COLUMN public.instances.quarantine_reason IS 'which its owner may read';

CREATE TABLE public.kill_switches (
    id text NOT NULL,
    scope text NOT NULL,
    target text NOT NULL,
    reason text NOT NULL,
    engaged_by text NOT NULL,
    engaged_at timestamp with time zone DEFAULT now() NOT NULL,
    released_by text,
    released_at timestamp with time zone,
    CONSTRAINT kill_switches_released_check CHECK (((released_by IS NULL) = (released_at IS NULL))),
    CONSTRAINT kill_switches_scope_check CHECK ((scope = ANY (ARRAY['everything'::text, 'owner'::text, 'version'::text, 'suspension'::text]))),
    CONSTRAINT kill_switches_target_check CHECK (((scope = 'everything'::text) = (target = ''::text)))
);

COMMENT ON COLUMN public.kill_switches.target IS 'an account''s or a version''s id; empty for everything';

COMMENT ON COLUMN public.kill_switches.reason IS 'which those who are concerned may read';

CREATE TABLE public.outbox (
    seq bigint NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id text NOT NULL,
    source text,
    type text NOT NULL,
    subject text NOT NULL,
    partitionkey text NOT NULL,
    data jsonb,
    traceparent text,
    correlationid text,
    causationid text,
    actor text NOT NULL,
    recipient text,
    channel text,
    created timestamp with time zone DEFAULT clock_timestamp() NOT NULL
)
PARTITION BY RANGE (seq);

COMMENT ON COLUMN public.outbox.source IS 'null for an event of this database';

COMMENT ON COLUMN public.outbox.data IS 'null when it is in outbox_bodies';

COMMENT ON COLUMN public.outbox.recipient IS 'the one queue that it goes to, as when it was redriven; null for all bound';

COMMENT ON COLUMN public.outbox.channel IS 'the NOTIFY channel of the events that are addressed to Postgres';

CREATE TABLE public.outbox_bodies (
    id text NOT NULL,
    data jsonb NOT NULL,
    created timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    source text NOT NULL
);

ALTER TABLE public.outbox ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.outbox_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.publisher_keys (
    hash text NOT NULL,
    publisher_id text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone
);

COMMENT ON COLUMN public.publisher_keys.hash IS 'sha256 of the key, which is kept nowhere';

COMMENT ON COLUMN public.publisher_keys.expires_at IS 'null for a key that was not replaced';

CREATE TABLE public.publishers (
    id text NOT NULL,
    name text NOT NULL,
    sources text[] NOT NULL,
    types text[] NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    revoked_at timestamp with time zone
);

COMMENT ON COLUMN public.publishers.sources IS 'that it may name, and what is below them';

COMMENT ON COLUMN public.publishers.types IS 'that it may publish; empty for all that its scopes allow';

CREATE TABLE public.push_configs (
    run_id text NOT NULL COLLATE pg_catalog."C",
    id text NOT NULL,
    url text NOT NULL,
    sealed bytea,
    notified_sequence bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    subject text NOT NULL,
    scheme text,
    key_id text,
    wrapped_key bytea,
    claimed_until timestamp with time zone,
    failing_since timestamp with time zone,
    CONSTRAINT push_configs_sealed CHECK ((((sealed IS NULL) = (key_id IS NULL)) AND ((sealed IS NULL) = (wrapped_key IS NULL))))
);

COMMENT ON TABLE public.push_configs IS 'where notifications about runs go';

COMMENT ON COLUMN public.push_configs.sealed IS 'how they authenticate themselves there, encrypted; null if they don''t';

COMMENT ON COLUMN public.push_configs.notified_sequence IS 'the number of the last event of the run that was told there';

COMMENT ON COLUMN public.push_configs.subject IS 'what events about it are about, `psh_…`; `id` is its client''s';

COMMENT ON COLUMN public.push_configs.scheme IS 'of the authentication; null if there is none';

COMMENT ON COLUMN public.push_configs.key_id IS 'the master key that wraps the data key; null if nothing is sealed';

COMMENT ON COLUMN public.push_configs.wrapped_key IS 'the data key, encrypted with the master key';

COMMENT ON COLUMN public.push_configs.claimed_until IS 'until when one deliverer alone notifies; null when none does';

COMMENT ON COLUMN public.push_configs.failing_since IS 'since when nothing was accepted there; null while everything is';

CREATE TABLE public.relay_cursor (
    name text DEFAULT 'outbox'::text NOT NULL,
    s1 pg_snapshot NOT NULL,
    s2 pg_snapshot NOT NULL,
    last_seq bigint DEFAULT 0 NOT NULL,
    epoch bigint DEFAULT 0 NOT NULL,
    holder text DEFAULT ''::text NOT NULL,
    system_identifier bigint DEFAULT (pg_control_system()).system_identifier NOT NULL,
    timeline text DEFAULT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) NOT NULL,
    updated timestamp with time zone DEFAULT now() NOT NULL,
    probed timestamp with time zone,
    probe_seconds double precision,
    CONSTRAINT relay_cursor_name_check CHECK ((name = 'outbox'::text))
);

COMMENT ON COLUMN public.relay_cursor.epoch IS 'rises with every relay that takes over; an older one can not move the cursor';

CREATE TABLE public.revoked_sessions (
    session_id text NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

CREATE TABLE public.run_events (
    run_id text NOT NULL COLLATE pg_catalog."C",
    sequence bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    type text NOT NULL,
    data jsonb NOT NULL
)
PARTITION BY RANGE (run_id);

COMMENT ON TABLE public.run_events IS 'what happens in runs, numbered from 1 without gaps; added to and never changed';

CREATE TABLE public.run_usage (
    owner_id text NOT NULL,
    day date NOT NULL,
    instance_id text NOT NULL,
    runs bigint DEFAULT 0 NOT NULL,
    wall_ms bigint DEFAULT 0 NOT NULL,
    processor_ms bigint DEFAULT 0 NOT NULL,
    cost numeric DEFAULT 0 NOT NULL,
    reported jsonb DEFAULT '{}'::jsonb NOT NULL
);

COMMENT ON COLUMN public.run_usage.day IS 'in UTC, on which they ended';

COMMENT ON COLUMN public.run_usage.runs IS 'that ended, and whose agent was called';

COMMENT ON COLUMN public.run_usage.reported IS 'sums of other numbers, by their names';

CREATE TABLE public.verified_accounts (
    account_id text NOT NULL,
    verified_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON COLUMN public.verified_accounts.verified_at IS 'when that became known here';

CREATE TABLE public.version_deployments (
    version_id text NOT NULL,
    deployed_at timestamp with time zone,
    url text,
    lease_owner text,
    lease_expires_at timestamp with time zone
);

COMMENT ON COLUMN public.version_deployments.deployed_at IS 'since when something of it may be on the platform; null when nothing is';

COMMENT ON COLUMN public.version_deployments.url IS 'where it was last seen to answer; null when it isn''t known to';

COMMENT ON COLUMN public.version_deployments.lease_owner IS 'who deploys or removes it, drawn at random; null when nobody does';

ALTER TABLE ONLY public.account_events
    ADD CONSTRAINT account_events_pkey PRIMARY KEY (owner_id, sequence);

ALTER TABLE ONLY public.account_feeds
    ADD CONSTRAINT account_feeds_pkey PRIMARY KEY (owner_id);

ALTER TABLE ONLY public.account_limits
    ADD CONSTRAINT account_limits_pkey PRIMARY KEY (account_id);

ALTER TABLE ONLY public.account_purges
    ADD CONSTRAINT account_purges_pkey PRIMARY KEY (account_id);

ALTER TABLE ONLY public.agent_log_sources
    ADD CONSTRAINT agent_log_sources_pkey PRIMARY KEY (source);

ALTER TABLE ONLY public.agent_memory
    ADD CONSTRAINT agent_memory_pkey PRIMARY KEY (instance_id, key);

ALTER TABLE ONLY public.agent_memory_usage
    ADD CONSTRAINT agent_memory_usage_pkey PRIMARY KEY (instance_id);

ALTER TABLE ONLY public.agent_versions
    ADD CONSTRAINT agent_versions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.agents
    ADD CONSTRAINT agents_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.agents
    ADD CONSTRAINT agents_slug_key UNIQUE (slug);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_hash_key UNIQUE (hash);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT approvals_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.audit_anchors
    ADD CONSTRAINT audit_anchors_last_seq_key UNIQUE (last_seq);

ALTER TABLE ONLY public.audit_anchors
    ADD CONSTRAINT audit_anchors_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.audit_entries
    ADD CONSTRAINT audit_entries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.audit_parties
    ADD CONSTRAINT audit_parties_pkey PRIMARY KEY (party, acted, entry_id);

ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.audit_seals
    ADD CONSTRAINT audit_seals_entry_id_key UNIQUE (entry_id);

ALTER TABLE ONLY public.audit_seals
    ADD CONSTRAINT audit_seals_pkey PRIMARY KEY (seq);

ALTER TABLE ONLY public.budgets
    ADD CONSTRAINT budgets_owner_id_instance_id_set_by_key UNIQUE NULLS NOT DISTINCT (owner_id, instance_id, set_by);

ALTER TABLE ONLY public.budgets
    ADD CONSTRAINT budgets_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.bundles
    ADD CONSTRAINT bundles_pkey PRIMARY KEY (sha256);

ALTER TABLE ONLY public.channel_moves
    ADD CONSTRAINT channel_moves_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels
    ADD CONSTRAINT channels_pkey PRIMARY KEY (agent_id, name);

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_instance_id_client_key_key UNIQUE (instance_id, client_key);

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.counts
    ADD CONSTRAINT counts_pkey PRIMARY KEY (counter);

ALTER TABLE ONLY public.cron_slots
    ADD CONSTRAINT cron_slots_pkey PRIMARY KEY (schedule, slot);

ALTER TABLE ONLY public.dead_letters
    ADD CONSTRAINT dead_letters_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deferred_events
    ADD CONSTRAINT deferred_events_pkey PRIMARY KEY (seq);

ALTER TABLE ONLY public.deferred_events
    ADD CONSTRAINT deferred_events_queue_source_event_id_key UNIQUE (queue, source, event_id);

ALTER TABLE ONLY public.deferred_subjects
    ADD CONSTRAINT deferred_subjects_pkey PRIMARY KEY (queue, subject);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (caller, key);

ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (subscriber, source, id);

ALTER TABLE ONLY public.instance_events
    ADD CONSTRAINT instance_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.instance_log_usage
    ADD CONSTRAINT instance_log_usage_pkey PRIMARY KEY (instance_id);

ALTER TABLE ONLY public.instance_logs
    ADD CONSTRAINT instance_logs_pkey PRIMARY KEY (instance_id, sequence);

ALTER TABLE ONLY public.instance_secrets
    ADD CONSTRAINT instance_secrets_pkey PRIMARY KEY (instance_id, place, version);

ALTER TABLE ONLY public.instance_specs
    ADD CONSTRAINT instance_specs_pkey PRIMARY KEY (instance_id, generation);

ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.kill_switches
    ADD CONSTRAINT kill_switches_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.outbox_bodies
    ADD CONSTRAINT outbox_bodies_pkey PRIMARY KEY (source, id);

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (seq);

ALTER TABLE ONLY public.parked_events
    ADD CONSTRAINT parked_events_dead_letter_id_key UNIQUE (dead_letter_id);

ALTER TABLE ONLY public.parked_events
    ADD CONSTRAINT parked_events_pkey PRIMARY KEY (seq);

ALTER TABLE ONLY public.publisher_keys
    ADD CONSTRAINT publisher_keys_pkey PRIMARY KEY (hash);

ALTER TABLE ONLY public.publishers
    ADD CONSTRAINT publishers_name_key UNIQUE (name);

ALTER TABLE ONLY public.publishers
    ADD CONSTRAINT publishers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.push_configs
    ADD CONSTRAINT push_configs_pkey PRIMARY KEY (run_id, id);

ALTER TABLE ONLY public.push_configs
    ADD CONSTRAINT push_configs_subject_key UNIQUE (subject);

ALTER TABLE ONLY public.relay_cursor
    ADD CONSTRAINT relay_cursor_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.revoked_sessions
    ADD CONSTRAINT revoked_sessions_pkey PRIMARY KEY (session_id);

ALTER TABLE ONLY public.run_events
    ADD CONSTRAINT run_events_pkey PRIMARY KEY (run_id, sequence);

ALTER TABLE ONLY public.run_usage
    ADD CONSTRAINT run_usage_pkey PRIMARY KEY (owner_id, day, instance_id);

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_conversation_id_position_key UNIQUE (conversation_id, "position");

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_instance_id_client_key_key UNIQUE (instance_id, client_key);

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.verified_accounts
    ADD CONSTRAINT verified_accounts_pkey PRIMARY KEY (account_id);

ALTER TABLE ONLY public.version_deployments
    ADD CONSTRAINT version_deployments_pkey PRIMARY KEY (version_id);

CREATE INDEX account_events_at_idx ON public.account_events USING btree (at);

CREATE INDEX agent_memory_usage_owner_id_idx ON public.agent_memory_usage USING btree (owner_id);

CREATE UNIQUE INDEX agent_versions_agent_id_split_part_idx ON public.agent_versions USING btree (agent_id, split_part(number, '+'::text, 1));

CREATE INDEX agents_capabilities_idx ON public.agents USING gin (capabilities) WITH (fastupdate=off);

CREATE INDEX agents_featured_idx ON public.agents USING btree (featured_rank, id DESC) WHERE (featured_rank > 0);

CREATE INDEX agents_names_idx ON public.agents USING gin (names) WITH (fastupdate=off);

CREATE INDEX agents_searched_idx ON public.agents USING gin (searched extensions.gin_trgm_ops) WITH (fastupdate=off);

CREATE INDEX agents_tags_idx ON public.agents USING gin (tags) WITH (fastupdate=off);

CREATE INDEX api_keys_expires_at_idx ON public.api_keys USING btree (expires_at);

CREATE INDEX approvals_waiting_idx ON public.approvals USING btree (id) WHERE (decision IS NULL);

CREATE INDEX audit_entries_action_id_idx ON public.audit_entries USING btree (action, id);

CREATE INDEX audit_entries_origin_id_idx ON public.audit_entries USING btree (origin, id);

CREATE INDEX audit_entries_outcome_id_idx ON public.audit_entries USING btree (outcome, id) WHERE (outcome <> 'succeeded'::text);

CREATE UNIQUE INDEX audit_source_event_id_idx ON public.audit USING btree (source, event_id);

CREATE INDEX audit_subject_id_idx ON public.audit USING btree (subject, id);

CREATE INDEX budgets_exhausted_idx ON public.budgets USING btree (owner_id) WHERE exhausted;

CREATE INDEX budgets_instance_id_idx ON public.budgets USING btree (instance_id);

CREATE INDEX channel_moves_agent_id_channel_id_idx ON public.channel_moves USING btree (agent_id, channel, id);

CREATE INDEX conversations_instance_id_id_idx ON public.conversations USING btree (instance_id, id);

CREATE INDEX dead_letters_event_id_idx ON public.dead_letters USING btree (event_id);

CREATE UNIQUE INDEX dead_letters_open_idx ON public.dead_letters USING btree (queue, source, event_id) WHERE (resolution IS NULL);

CREATE INDEX deferred_events_queue_subject_seq_idx ON public.deferred_events USING btree (queue, subject, seq);

CREATE INDEX deferred_subjects_queue_due_idx ON public.deferred_subjects USING btree (queue, due);

CREATE INDEX idempotency_keys_created_idx ON public.idempotency_keys USING brin (created);

CREATE INDEX inbox_received_idx ON public.inbox USING brin (received);

CREATE INDEX instance_events_instance_id_id_idx ON public.instance_events USING btree (instance_id, id);

CREATE INDEX instance_log_usage_owner_id_idx ON public.instance_log_usage USING btree (owner_id);

CREATE INDEX instance_logs_at_idx ON public.instance_logs USING btree (at);

CREATE INDEX instance_specs_version_id_idx ON public.instance_specs USING btree (version_id);

CREATE INDEX instances_agent_id_id_idx ON public.instances USING btree (agent_id, id);

CREATE INDEX instances_deadline_at_idx ON public.instances USING btree (deadline_at) WHERE (deadline_at IS NOT NULL);

CREATE INDEX instances_due_at_idx ON public.instances USING btree (due_at) WHERE (status <> 'deleted'::text);

CREATE INDEX instances_failing_idx ON public.instances USING btree (id) WHERE (attempts > 0);

CREATE INDEX instances_labels_idx ON public.instances USING gin (labels jsonb_path_ops);

CREATE INDEX instances_name_id_idx ON public.instances USING btree (name, id);

CREATE INDEX instances_owner_id_id_idx ON public.instances USING btree (owner_id, id);

CREATE INDEX instances_present_idx ON public.instances USING btree (owner_id, id) WHERE (status <> 'deleted'::text);

CREATE INDEX instances_quarantined_idx ON public.instances USING btree (id) WHERE (quarantined_at IS NOT NULL);

CREATE INDEX instances_status_id_idx ON public.instances USING btree (status, id);

CREATE INDEX instances_version_id_id_idx ON public.instances USING btree (version_id, id);

CREATE UNIQUE INDEX kill_switches_engaged_idx ON public.kill_switches USING btree (scope, target) WHERE (released_at IS NULL);

CREATE INDEX outbox_xid_idx ON ONLY public.outbox USING btree (xid);

CREATE INDEX parked_events_blocking_idx ON public.parked_events USING btree (subject, seq) WHERE (blocking AND (resolution IS NULL));

CREATE INDEX parked_events_id_idx ON public.parked_events USING btree (id);

CREATE INDEX parked_events_open_idx ON public.parked_events USING btree (dead_letter_id) WHERE (resolution IS NULL);

CREATE INDEX publisher_keys_publisher_id_idx ON public.publisher_keys USING btree (publisher_id);

CREATE INDEX push_configs_claimed_until_idx ON public.push_configs USING btree (claimed_until) WHERE (claimed_until IS NOT NULL);

CREATE INDEX revoked_sessions_expires_at_idx ON public.revoked_sessions USING btree (expires_at);

CREATE INDEX run_usage_day_idx ON public.run_usage USING btree (day);

CREATE INDEX run_usage_instance_id_day_idx ON public.run_usage USING btree (instance_id, day);

CREATE INDEX runs_awaiting_input_idx ON public.runs USING btree (instance_id) WHERE (status = 'input_required'::text);

CREATE INDEX runs_deadline_at_idx ON public.runs USING btree (deadline_at) WHERE (deadline_at IS NOT NULL);

CREATE INDEX runs_ended_at_idx ON public.runs USING btree (ended_at) WHERE (ended_at IS NOT NULL);

CREATE INDEX runs_instance_id_id_idx ON public.runs USING btree (instance_id, id);

CREATE INDEX runs_lease_expires_at_idx ON public.runs USING btree (lease_expires_at) WHERE (lease_owner IS NOT NULL);

CREATE INDEX runs_open_conversation_idx ON public.runs USING btree (conversation_id, "position") WHERE (status = ANY (ARRAY['queued'::text, 'running'::text, 'input_required'::text]));

CREATE INDEX runs_open_idx ON public.runs USING btree (instance_id) WHERE (status = ANY (ARRAY['queued'::text, 'running'::text, 'input_required'::text]));

CREATE INDEX runs_owner_id_id_idx ON public.runs USING btree (owner_id, id);

CREATE INDEX runs_queued_idx ON public.runs USING btree (owner_id, id) WHERE (status = 'queued'::text);

CREATE INDEX runs_unsuccessful_idx ON public.runs USING btree (status, id) WHERE (status = ANY (ARRAY['failed'::text, 'cancelled'::text]));

CREATE INDEX runs_version_id_id_idx ON public.runs USING btree (version_id, id);

CREATE TRIGGER agent_versions_count AFTER INSERT OR DELETE ON public.agent_versions FOR EACH ROW EXECUTE FUNCTION public.count_version();

CREATE TRIGGER agent_versions_recount AFTER UPDATE OF status ON public.agent_versions FOR EACH ROW WHEN ((old.status <> new.status)) EXECUTE FUNCTION public.count_version();

CREATE TRIGGER audit_anchors_change BEFORE DELETE OR UPDATE ON public.audit_anchors FOR EACH ROW EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER audit_anchors_truncate BEFORE TRUNCATE ON public.audit_anchors FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER audit_entries_change BEFORE DELETE OR UPDATE ON public.audit_entries FOR EACH ROW EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER audit_entries_truncate BEFORE TRUNCATE ON public.audit_entries FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER audit_parties_change BEFORE DELETE OR UPDATE ON public.audit_parties FOR EACH ROW EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER audit_parties_truncate BEFORE TRUNCATE ON public.audit_parties FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER audit_seals_change BEFORE DELETE OR UPDATE ON public.audit_seals FOR EACH ROW EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER audit_seals_truncate BEFORE TRUNCATE ON public.audit_seals FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER instances_count AFTER INSERT OR DELETE ON public.instances FOR EACH ROW EXECUTE FUNCTION public.count_instance();

CREATE TRIGGER instances_recount AFTER UPDATE OF status, desired_state ON public.instances FOR EACH ROW WHEN (((old.status <> new.status) OR (old.desired_state <> new.desired_state))) EXECUTE FUNCTION public.count_instance();

CREATE TRIGGER rings_to_cancel AFTER UPDATE OF desired_state ON public.instances FOR EACH ROW WHEN (((new.desired_state <> old.desired_state) AND (new.desired_state <> 'running'::text))) EXECUTE FUNCTION public.ring_runners('cancel');

CREATE TRIGGER rings_to_cancel AFTER UPDATE OF cancel_reason ON public.runs FOR EACH ROW WHEN (((new.cancel_reason IS NOT NULL) AND (new.lease_owner IS NOT NULL))) EXECUTE FUNCTION public.ring_runners('cancel');

CREATE TRIGGER rings_to_claim AFTER INSERT OR UPDATE OF status ON public.runs FOR EACH ROW WHEN ((new.status = 'queued'::text)) EXECUTE FUNCTION public.ring_runners('claim');

CREATE TRIGGER runs_count AFTER UPDATE OF status ON public.runs FOR EACH ROW WHEN (((old.ended_at IS NULL) AND (new.ended_at IS NOT NULL))) EXECUTE FUNCTION public.count_ended_run();

ALTER TABLE ONLY public.agent_memory
    ADD CONSTRAINT agent_memory_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.instances(id);

ALTER TABLE ONLY public.agent_memory_usage
    ADD CONSTRAINT agent_memory_usage_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.instances(id);

ALTER TABLE ONLY public.agent_versions
    ADD CONSTRAINT agent_versions_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

ALTER TABLE ONLY public.agent_versions
    ADD CONSTRAINT agent_versions_bundle_sha256_fkey FOREIGN KEY (bundle_sha256) REFERENCES public.bundles(sha256);

ALTER TABLE ONLY public.budgets
    ADD CONSTRAINT budgets_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.instances(id);

ALTER TABLE ONLY public.channel_moves
    ADD CONSTRAINT channel_moves_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

ALTER TABLE ONLY public.channel_moves
    ADD CONSTRAINT channel_moves_candidate_version_id_fkey FOREIGN KEY (candidate_version_id) REFERENCES public.agent_versions(id);

ALTER TABLE ONLY public.channel_moves
    ADD CONSTRAINT channel_moves_previous_version_id_fkey FOREIGN KEY (previous_version_id) REFERENCES public.agent_versions(id);

ALTER TABLE ONLY public.channel_moves
    ADD CONSTRAINT channel_moves_version_id_fkey FOREIGN KEY (version_id) REFERENCES public.agent_versions(id);

ALTER TABLE ONLY public.channels
    ADD CONSTRAINT channels_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

ALTER TABLE ONLY public.channels
    ADD CONSTRAINT channels_candidate_version_id_fkey FOREIGN KEY (candidate_version_id) REFERENCES public.agent_versions(id);

ALTER TABLE ONLY public.channels
    ADD CONSTRAINT channels_version_id_fkey FOREIGN KEY (version_id) REFERENCES public.agent_versions(id);

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.instances(id);

ALTER TABLE ONLY public.deferred_events
    ADD CONSTRAINT deferred_events_queue_subject_fkey FOREIGN KEY (queue, subject) REFERENCES public.deferred_subjects(queue, subject);

ALTER TABLE ONLY public.instance_events
    ADD CONSTRAINT instance_events_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.instances(id);

ALTER TABLE ONLY public.instance_log_usage
    ADD CONSTRAINT instance_log_usage_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.instances(id);

ALTER TABLE ONLY public.instance_secrets
    ADD CONSTRAINT instance_secrets_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.instances(id);

ALTER TABLE ONLY public.instance_specs
    ADD CONSTRAINT instance_specs_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.instances(id);

ALTER TABLE ONLY public.instance_specs
    ADD CONSTRAINT instance_specs_version_id_fkey FOREIGN KEY (version_id) REFERENCES public.agent_versions(id);

ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_version_id_fkey FOREIGN KEY (version_id) REFERENCES public.agent_versions(id);

ALTER TABLE ONLY public.publisher_keys
    ADD CONSTRAINT publisher_keys_publisher_id_fkey FOREIGN KEY (publisher_id) REFERENCES public.publishers(id);

ALTER TABLE ONLY public.push_configs
    ADD CONSTRAINT push_configs_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.run_usage
    ADD CONSTRAINT run_usage_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.instances(id);

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_conversation_id_fkey FOREIGN KEY (conversation_id) REFERENCES public.conversations(id);

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.instances(id);

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_version_id_fkey FOREIGN KEY (version_id) REFERENCES public.agent_versions(id);

ALTER TABLE ONLY public.version_deployments
    ADD CONSTRAINT version_deployments_version_id_fkey FOREIGN KEY (version_id) REFERENCES public.agent_versions(id);
