-- Written by `make schema` from a migrated database: change the migrations, not this file.
--
-- Everything belongs to botberi_migrator; who else may do what is in docs/security/rights.md. The partitions of
-- tables are left out, and what event_producers() returns, which is written from the catalog of events.

CREATE FUNCTION public.account_is_gone(account text) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'public', 'pg_temp'
    AS $$
  select not exists (select from accounts where id = account)
$$;

CREATE FUNCTION public.account_state(suspended boolean, verified_at timestamp with time zone, purge_at timestamp with time zone) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
  select case when purge_at is not null then 'deleted' when suspended then 'suspended'
    when verified_at is null then 'unverified' else 'active' end
$$;

CREATE FUNCTION public.api_key_of(key_hash text) RETURNS TABLE(id text, account_id text, scopes text[], expires_at timestamp with time zone, used_lately boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  select api_keys.id, api_keys.account_id, api_keys.scopes, api_keys.expires_at,
         coalesce(last_used_at > now() - interval '1 minute', false)
  from api_keys where hash = key_hash and revoked_at is null and api_keys.expires_at > now()
$$;

CREATE FUNCTION public.api_key_to_record(key_id text) RETURNS TABLE(hash text, account_id text, scopes text[], expires_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  select api_keys.hash, api_keys.account_id, api_keys.scopes, api_keys.expires_at
  from api_keys where id = key_id and revoked_at is null and api_keys.expires_at > now()
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

CREATE FUNCTION public.apply_email_change(account text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
  change email_changes;
  before text;
begin
  update email_changes set ended_at = now()
  where account_id = account and proved_at is not null and consented_at is not null and ended_at is null
  returning * into strict change;
  select email into strict before from accounts where id = account;
  begin
    update accounts set email = change.email where id = account;
  exception when unique_violation then
    return false;
  end;
  update email_changes set email_before = before where account_id = account;
  return true;
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

CREATE FUNCTION public.count_account() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
  if tg_op <> 'INSERT' then
    perform note_count(array['accounts.' || account_state(old.suspended, old.verified_at, old.purge_at)], '{-1}');
  end if;
  if tg_op <> 'DELETE' then
    perform note_count(array['accounts.' || account_state(new.suspended, new.verified_at, new.purge_at)], '{1}');
  end if;
  return null;
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
    AS $$ select '/botberi/user_psql' $$;

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
  select 'accounts', to_jsonb(t) - 'password_hash' from accounts as t where id = account
  union all select 'sessions', to_jsonb(t) - '{secret_hash,token_key}'::text[] from sessions as t
    where account_id = account
  union all select 'api_keys', to_jsonb(t) - 'hash' from api_keys as t where account_id = account
  union all select 'totp_factors', to_jsonb(t) - '{key_id,wrapped_key,sealed,last_step}'::text[] from totp_factors as t
    where account_id = account
  union all select 'passkeys', to_jsonb(t) - '{public_key,sign_count}'::text[] from passkeys as t
    where account_id = account
  union all select 'identities', to_jsonb(t) from identities as t where account_id = account
  union all select 'email_changes', to_jsonb(t) from email_changes as t where account_id = account
  union all select 'exports', to_jsonb(t) - 'place' from exports as t where account_id = account
$$;

CREATE FUNCTION public.forget_device_logins(row_limit integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  with old as (
    delete from device_logins where device_code_hash in (
      select device_code_hash from device_logins where expires_at < now() limit row_limit for update skip locked)
    returning 1
  ) select count(*)::integer from old
$$;

CREATE FUNCTION public.forget_email_changes(row_limit integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  with old as (
    delete from email_changes where account_id in (
      select account_id from email_changes where expires_at < now() limit row_limit for update skip locked)
      and expires_at < now()
    returning 1
  ) select count(*)::integer from old
$$;

CREATE FUNCTION public.forget_ended_api_keys(row_limit integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  with old as (
    delete from api_keys where id in (
      select id from api_keys where least(revoked_at, expires_at) < now() - interval '90 days' limit row_limit)
    returning 1
  ) select count(*)::integer from old
$$;

CREATE FUNCTION public.forget_ended_sessions(row_limit integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  with old as (
    delete from sessions where id in (
      select id from sessions where coalesce(revoked_at, expires_at) < now() - interval '90 days' limit row_limit)
    returning 1
  ) select count(*)::integer from old
$$;

CREATE FUNCTION public.forget_exports(row_limit integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  with old as (
    delete from exports where id in (
      select id from exports where requested_at < now() - interval '1 day' limit row_limit)
    returning 1
  ) select count(*)::integer from old
$$;

CREATE FUNCTION public.forget_guesses(row_limit integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  with old as (
    delete from guesses where key in (
      select key from guesses where guessed_at < now() - interval '1 hour' limit row_limit)
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

CREATE FUNCTION public.forget_mfa_challenges(row_limit integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  with old as (
    delete from mfa_challenges where challenge_hash in (
      select challenge_hash from mfa_challenges where expires_at < now() limit row_limit)
    returning 1
  ) select count(*)::integer from old
$$;

CREATE FUNCTION public.forget_oauth_codes(row_limit integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  with old as (
    delete from oauth_codes where code_hash in (
      select code_hash from oauth_codes where expires_at < now() - interval '1 day' limit row_limit
      for update skip locked)
    returning 1
  ) select count(*)::integer from old
$$;

CREATE FUNCTION public.forget_one_time_tokens(row_limit integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  with old as (
    delete from one_time_tokens where token_hash in (
      select token_hash from one_time_tokens where expires_at < now() limit row_limit)
    returning 1
  ) select count(*)::integer from old
$$;

CREATE FUNCTION public.keep_api_key_revoked() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
  raise exception 'an API key that was revoked stays as it is' using errcode = 'restrict_violation';
end $$;

CREATE FUNCTION public.keep_session_ended() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
  raise exception 'a session that has ended stays as it is' using errcode = 'restrict_violation';
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
    where id = key_id and revoked_at is null
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

CREATE FUNCTION public.purge_accounts(row_limit integer) RETURNS SETOF text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
declare
  gone text[];
  belonging record;
begin
  select array_agg(id) into gone from (
    select id from accounts where purge_at < now() order by purge_at limit row_limit for update skip locked
  ) as due;
  for belonging in
    select conrelid::regclass as child, attname as name
    from pg_constraint join pg_attribute on attrelid = conrelid and attnum = conkey[1]
    where contype = 'f' and confrelid = 'accounts'::regclass
  loop
    execute format('delete from %s where %I = any ($1)', belonging.child, belonging.name) using gone;
  end loop;
  delete from idempotency_keys where caller = any (gone);
  return query delete from accounts where id = any (gone) returning id;
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

CREATE FUNCTION public.wake_relay() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
  if pg_try_advisory_xact_lock_shared(7166423302) then
    notify botberi_outbox;
  end if;
end $$;

CREATE TABLE public.accounts (
    id text NOT NULL,
    email text NOT NULL,
    password_hash text,
    scopes text[] DEFAULT '{user}'::text[] NOT NULL,
    suspended boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    verified_at timestamp with time zone,
    name text,
    locale text,
    timezone text,
    purge_at timestamp with time zone
);

COMMENT ON COLUMN public.accounts.email IS 'in lower case';

COMMENT ON COLUMN public.accounts.password_hash IS 'argon2id; null for whoever logs in by an OpenID provider alone';

COMMENT ON COLUMN public.accounts.verified_at IS 'when its owner proved that mail to the address reaches them';

COMMENT ON COLUMN public.accounts.name IS 'as its owner wants to be called';

COMMENT ON COLUMN public.accounts.locale IS 'of BCP 47';

COMMENT ON COLUMN public.accounts.timezone IS 'of IANA''s database';

COMMENT ON COLUMN public.accounts.purge_at IS 'when all of it is purged; null unless its owner has deleted it';

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
    account_id text NOT NULL,
    hash text NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    revoked_reason text
);

COMMENT ON COLUMN public.api_keys.hash IS 'sha256 of the key, which is kept nowhere';

COMMENT ON COLUMN public.api_keys.name IS 'its owner''s word for it';

COMMENT ON COLUMN public.api_keys.last_used_at IS 'to the minute, and only by what works on this database';

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

CREATE TABLE public.device_logins (
    device_code_hash bytea NOT NULL,
    user_code_hash bytea NOT NULL,
    client text NOT NULL,
    device text NOT NULL,
    network text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    interval_seconds integer NOT NULL,
    asked_at timestamp with time zone,
    account_id text,
    approved boolean
);

COMMENT ON COLUMN public.device_logins.device_code_hash IS 'sha256';

COMMENT ON COLUMN public.device_logins.user_code_hash IS 'sha256 of the letters alone';

COMMENT ON COLUMN public.device_logins.client IS 'what the program that asks calls itself';

COMMENT ON COLUMN public.device_logins.device IS 'its User-Agent';

COMMENT ON COLUMN public.device_logins.network IS 'its /24 or /64';

COMMENT ON COLUMN public.device_logins.interval_seconds IS 'for how long it has to wait before it asks again';

COMMENT ON COLUMN public.device_logins.asked_at IS 'when it last asked whether it was approved';

COMMENT ON COLUMN public.device_logins.account_id IS 'of whoever approved or denied it';

COMMENT ON COLUMN public.device_logins.approved IS 'null until that is decided';

CREATE TABLE public.email_changes (
    account_id text NOT NULL,
    email text NOT NULL,
    session_id text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    proved_at timestamp with time zone,
    consented_at timestamp with time zone,
    ended_at timestamp with time zone,
    email_before text
);

COMMENT ON TABLE public.email_changes IS 'the newest of each account, for a day';

COMMENT ON COLUMN public.email_changes.email IS 'the new one, in lower case';

COMMENT ON COLUMN public.email_changes.session_id IS 'which asked for it, and goes on';

COMMENT ON COLUMN public.email_changes.proved_at IS 'when the token was used that was sent to the new address';

COMMENT ON COLUMN public.email_changes.consented_at IS 'when the token was used that was sent to the present address, or when the change was asked for, if that address was never verified';

COMMENT ON COLUMN public.email_changes.ended_at IS 'when the address was changed, or turned out to have an account';

COMMENT ON COLUMN public.email_changes.email_before IS 'which the account had, once it is changed';

CREATE TABLE public.exports (
    id text NOT NULL,
    account_id text NOT NULL,
    requested_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    bytes bigint,
    place text
);

COMMENT ON COLUMN public.exports.finished_at IS 'null until all of it is in the store of objects';

COMMENT ON COLUMN public.exports.bytes IS 'of the file';

COMMENT ON COLUMN public.exports.place IS 'its key in the store of objects';

CREATE TABLE public.guesses (
    key bytea NOT NULL,
    wrong integer NOT NULL,
    guessed_at timestamp with time zone NOT NULL,
    next_at timestamp with time zone NOT NULL
);

COMMENT ON COLUMN public.guesses.key IS 'sha256 of whose password is guessed, or from where';

COMMENT ON COLUMN public.guesses.wrong IS 'how many guesses were wrong, as far as is known yet';

COMMENT ON COLUMN public.guesses.next_at IS 'when the next guess is let through';

CREATE TABLE public.idempotency_keys (
    caller text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    response text NOT NULL,
    created timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.identities (
    issuer text NOT NULL,
    subject text NOT NULL,
    account_id text NOT NULL,
    provider text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_used_at timestamp with time zone
);

COMMENT ON TABLE public.identities IS 'by which people log in without a password';

COMMENT ON COLUMN public.identities.issuer IS 'of an OpenID provider';

COMMENT ON COLUMN public.identities.subject IS 'its word for somebody, which stays theirs';

COMMENT ON COLUMN public.identities.provider IS 'our word for the provider';

CREATE TABLE public.inbox (
    subscriber text NOT NULL,
    source text NOT NULL,
    id text NOT NULL,
    body jsonb,
    received timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON COLUMN public.inbox.body IS 'the event, where a NOTIFY could only refer to it';

CREATE TABLE public.mfa_challenges (
    challenge_hash bytea NOT NULL,
    account_id text,
    expires_at timestamp with time zone NOT NULL,
    purpose text DEFAULT 'second_factor'::text NOT NULL
);

COMMENT ON COLUMN public.mfa_challenges.challenge_hash IS 'sha256';

COMMENT ON COLUMN public.mfa_challenges.account_id IS 'null for whoever is yet to tell';

COMMENT ON COLUMN public.mfa_challenges.purpose IS 'what is to be proved';

CREATE TABLE public.oauth_codes (
    code_hash bytea NOT NULL,
    account_id text NOT NULL,
    client_id text NOT NULL,
    client_name text NOT NULL,
    redirect_uri text NOT NULL,
    challenge text NOT NULL,
    resource text NOT NULL,
    scopes text[] NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    session_id text
);

COMMENT ON COLUMN public.oauth_codes.code_hash IS 'sha256';

COMMENT ON COLUMN public.oauth_codes.redirect_uri IS 'where the browser was sent with it';

COMMENT ON COLUMN public.oauth_codes.challenge IS 'of PKCE: the sha256 of what the client has kept back';

COMMENT ON COLUMN public.oauth_codes.session_id IS 'that came of it; null until it is used';

CREATE TABLE public.one_time_tokens (
    account_id text NOT NULL,
    purpose text NOT NULL,
    token_hash bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

COMMENT ON COLUMN public.one_time_tokens.token_hash IS 'sha256 of the token';

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

CREATE TABLE public.passkeys (
    id text NOT NULL,
    account_id text NOT NULL,
    credential_id bytea NOT NULL,
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    transports text[] NOT NULL,
    backup_eligible boolean NOT NULL,
    backed_up boolean NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_used_at timestamp with time zone
);

COMMENT ON COLUMN public.passkeys.credential_id IS 'chosen by the authenticator';

COMMENT ON COLUMN public.passkeys.public_key IS 'COSE (RFC 9052)';

COMMENT ON COLUMN public.passkeys.sign_count IS 'the newest that the authenticator has told';

COMMENT ON COLUMN public.passkeys.transports IS 'how browsers say that the authenticator is reached';

COMMENT ON COLUMN public.passkeys.backup_eligible IS 'whether its private key may leave the authenticator';

COMMENT ON COLUMN public.passkeys.backed_up IS 'whether that is kept elsewhere too';

COMMENT ON COLUMN public.passkeys.name IS 'its owner''s word for it';

CREATE TABLE public.recovery_codes (
    account_id text NOT NULL,
    code_hash bytea NOT NULL
);

COMMENT ON COLUMN public.recovery_codes.code_hash IS 'sha256';

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

CREATE TABLE public.sessions (
    id text NOT NULL,
    account_id text NOT NULL,
    secret_hash text NOT NULL,
    token_key text NOT NULL,
    counter integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    refreshed_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    revoked_reason text,
    ends_at timestamp with time zone NOT NULL,
    device text DEFAULT ''::text NOT NULL,
    network text DEFAULT ''::text NOT NULL,
    aal smallint DEFAULT 1 NOT NULL,
    authenticated_at timestamp with time zone DEFAULT now() NOT NULL,
    client_id text,
    client_name text,
    resource text,
    scopes text[],
    impersonator_id text,
    impersonation_reason text,
    may_write boolean
);

COMMENT ON COLUMN public.sessions.secret_hash IS 'sha256 of the secret in the refresh tokens';

COMMENT ON COLUMN public.sessions.token_key IS 'of the HMAC that proves that a refresh token was given out';

COMMENT ON COLUMN public.sessions.counter IS 'of the newest refresh token';

COMMENT ON COLUMN public.sessions.ends_at IS 'however often it is refreshed';

COMMENT ON COLUMN public.sessions.device IS 'User-Agent of the newest log-in or refresh';

COMMENT ON COLUMN public.sessions.network IS '/24 or /64 of the newest log-in or refresh';

COMMENT ON COLUMN public.sessions.aal IS 'authenticator assurance level: 1 or 2';

COMMENT ON COLUMN public.sessions.authenticated_at IS 'when somebody logged in';

COMMENT ON COLUMN public.sessions.client_id IS 'of OAuth, whose session it is; null for people''s own';

COMMENT ON COLUMN public.sessions.client_name IS 'what the client calls itself';

COMMENT ON COLUMN public.sessions.resource IS 'the one address at which its access tokens are good';

COMMENT ON COLUMN public.sessions.scopes IS 'what the client may do, at most';

COMMENT ON COLUMN public.sessions.impersonator_id IS 'the account of whoever acts for its own; null for people''s own';

COMMENT ON COLUMN public.sessions.impersonation_reason IS 'why they do';

COMMENT ON COLUMN public.sessions.may_write IS 'whether they may change anything';

CREATE TABLE public.totp_factors (
    account_id text NOT NULL,
    key_id text NOT NULL,
    wrapped_key bytea NOT NULL,
    sealed bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    confirmed_at timestamp with time zone,
    last_step bigint
);

COMMENT ON COLUMN public.totp_factors.key_id IS 'the master key that wraps the data key';

COMMENT ON COLUMN public.totp_factors.wrapped_key IS 'the data key, encrypted with the master key';

COMMENT ON COLUMN public.totp_factors.sealed IS 'the secret, encrypted with the data key';

COMMENT ON COLUMN public.totp_factors.confirmed_at IS 'from when on log-ins need it';

COMMENT ON COLUMN public.totp_factors.last_step IS 'the newest step of which a code was used';

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_email_key UNIQUE (email);

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_hash_key UNIQUE (hash);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.audit_anchors
    ADD CONSTRAINT audit_anchors_last_seq_key UNIQUE (last_seq);

ALTER TABLE ONLY public.audit_anchors
    ADD CONSTRAINT audit_anchors_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.audit_entries
    ADD CONSTRAINT audit_entries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.audit_parties
    ADD CONSTRAINT audit_parties_pkey PRIMARY KEY (party, acted, entry_id);

ALTER TABLE ONLY public.audit_seals
    ADD CONSTRAINT audit_seals_entry_id_key UNIQUE (entry_id);

ALTER TABLE ONLY public.audit_seals
    ADD CONSTRAINT audit_seals_pkey PRIMARY KEY (seq);

ALTER TABLE ONLY public.counts
    ADD CONSTRAINT counts_pkey PRIMARY KEY (counter);

ALTER TABLE ONLY public.dead_letters
    ADD CONSTRAINT dead_letters_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.device_logins
    ADD CONSTRAINT device_logins_pkey PRIMARY KEY (device_code_hash);

ALTER TABLE ONLY public.device_logins
    ADD CONSTRAINT device_logins_user_code_hash_key UNIQUE (user_code_hash);

ALTER TABLE ONLY public.email_changes
    ADD CONSTRAINT email_changes_pkey PRIMARY KEY (account_id);

ALTER TABLE ONLY public.exports
    ADD CONSTRAINT exports_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.guesses
    ADD CONSTRAINT guesses_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (caller, key);

ALTER TABLE ONLY public.identities
    ADD CONSTRAINT identities_account_id_provider_key UNIQUE (account_id, provider);

ALTER TABLE ONLY public.identities
    ADD CONSTRAINT identities_pkey PRIMARY KEY (issuer, subject);

ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (subscriber, source, id);

ALTER TABLE ONLY public.mfa_challenges
    ADD CONSTRAINT mfa_challenges_pkey PRIMARY KEY (challenge_hash);

ALTER TABLE ONLY public.oauth_codes
    ADD CONSTRAINT oauth_codes_pkey PRIMARY KEY (code_hash);

ALTER TABLE ONLY public.one_time_tokens
    ADD CONSTRAINT one_time_tokens_pkey PRIMARY KEY (account_id, purpose);

ALTER TABLE ONLY public.one_time_tokens
    ADD CONSTRAINT one_time_tokens_token_hash_key UNIQUE (token_hash);

ALTER TABLE ONLY public.outbox_bodies
    ADD CONSTRAINT outbox_bodies_pkey PRIMARY KEY (source, id);

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (seq);

ALTER TABLE ONLY public.parked_events
    ADD CONSTRAINT parked_events_dead_letter_id_key UNIQUE (dead_letter_id);

ALTER TABLE ONLY public.parked_events
    ADD CONSTRAINT parked_events_pkey PRIMARY KEY (seq);

ALTER TABLE ONLY public.passkeys
    ADD CONSTRAINT passkeys_credential_id_key UNIQUE (credential_id);

ALTER TABLE ONLY public.passkeys
    ADD CONSTRAINT passkeys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.recovery_codes
    ADD CONSTRAINT recovery_codes_pkey PRIMARY KEY (account_id, code_hash);

ALTER TABLE ONLY public.relay_cursor
    ADD CONSTRAINT relay_cursor_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.totp_factors
    ADD CONSTRAINT totp_factors_pkey PRIMARY KEY (account_id);

CREATE INDEX accounts_purge_at_idx ON public.accounts USING btree (purge_at) WHERE (purge_at IS NOT NULL);

CREATE INDEX api_keys_account_id_idx ON public.api_keys USING btree (account_id);

CREATE INDEX audit_entries_action_id_idx ON public.audit_entries USING btree (action, id);

CREATE INDEX audit_entries_origin_id_idx ON public.audit_entries USING btree (origin, id);

CREATE INDEX audit_entries_outcome_id_idx ON public.audit_entries USING btree (outcome, id) WHERE (outcome <> 'succeeded'::text);

CREATE INDEX dead_letters_event_id_idx ON public.dead_letters USING btree (event_id);

CREATE UNIQUE INDEX dead_letters_open_idx ON public.dead_letters USING btree (queue, source, event_id) WHERE (resolution IS NULL);

CREATE INDEX device_logins_account_id_idx ON public.device_logins USING btree (account_id);

CREATE INDEX device_logins_expires_at_idx ON public.device_logins USING btree (expires_at);

CREATE INDEX email_changes_expires_at_idx ON public.email_changes USING btree (expires_at);

CREATE INDEX exports_account_id_idx ON public.exports USING btree (account_id);

CREATE INDEX exports_requested_at_idx ON public.exports USING btree (requested_at);

CREATE INDEX guesses_guessed_at_idx ON public.guesses USING btree (guessed_at);

CREATE INDEX idempotency_keys_created_idx ON public.idempotency_keys USING brin (created);

CREATE INDEX inbox_received_idx ON public.inbox USING brin (received);

CREATE INDEX mfa_challenges_account_id_idx ON public.mfa_challenges USING btree (account_id);

CREATE INDEX mfa_challenges_expires_at_idx ON public.mfa_challenges USING btree (expires_at);

CREATE INDEX oauth_codes_account_id_idx ON public.oauth_codes USING btree (account_id);

CREATE INDEX oauth_codes_expires_at_idx ON public.oauth_codes USING btree (expires_at);

CREATE INDEX one_time_tokens_expires_at_idx ON public.one_time_tokens USING btree (expires_at);

CREATE INDEX outbox_xid_idx ON ONLY public.outbox USING btree (xid);

CREATE INDEX parked_events_blocking_idx ON public.parked_events USING btree (subject, seq) WHERE (blocking AND (resolution IS NULL));

CREATE INDEX parked_events_id_idx ON public.parked_events USING btree (id);

CREATE INDEX parked_events_open_idx ON public.parked_events USING btree (dead_letter_id) WHERE (resolution IS NULL);

CREATE INDEX passkeys_account_id_idx ON public.passkeys USING btree (account_id);

CREATE INDEX sessions_account_id_idx ON public.sessions USING btree (account_id);

CREATE INDEX sessions_impersonator_id_idx ON public.sessions USING btree (impersonator_id) WHERE (impersonator_id IS NOT NULL);

CREATE TRIGGER accounts_count AFTER INSERT OR DELETE ON public.accounts FOR EACH ROW EXECUTE FUNCTION public.count_account();

CREATE TRIGGER accounts_recount AFTER UPDATE OF suspended, verified_at, purge_at ON public.accounts FOR EACH ROW EXECUTE FUNCTION public.count_account();

CREATE TRIGGER api_keys_keep_revoked BEFORE UPDATE ON public.api_keys FOR EACH ROW WHEN ((old.revoked_at IS NOT NULL)) EXECUTE FUNCTION public.keep_api_key_revoked();

CREATE TRIGGER audit_anchors_change BEFORE DELETE OR UPDATE ON public.audit_anchors FOR EACH ROW EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER audit_anchors_truncate BEFORE TRUNCATE ON public.audit_anchors FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER audit_entries_change BEFORE DELETE OR UPDATE ON public.audit_entries FOR EACH ROW EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER audit_entries_truncate BEFORE TRUNCATE ON public.audit_entries FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER audit_parties_change BEFORE DELETE OR UPDATE ON public.audit_parties FOR EACH ROW EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER audit_parties_truncate BEFORE TRUNCATE ON public.audit_parties FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER audit_seals_change BEFORE DELETE OR UPDATE ON public.audit_seals FOR EACH ROW EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER audit_seals_truncate BEFORE TRUNCATE ON public.audit_seals FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER sessions_keep_ended BEFORE UPDATE ON public.sessions FOR EACH ROW WHEN ((old.revoked_at IS NOT NULL)) EXECUTE FUNCTION public.keep_session_ended();

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.device_logins
    ADD CONSTRAINT device_logins_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.email_changes
    ADD CONSTRAINT email_changes_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.exports
    ADD CONSTRAINT exports_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.identities
    ADD CONSTRAINT identities_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.mfa_challenges
    ADD CONSTRAINT mfa_challenges_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.oauth_codes
    ADD CONSTRAINT oauth_codes_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.one_time_tokens
    ADD CONSTRAINT one_time_tokens_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.passkeys
    ADD CONSTRAINT passkeys_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.recovery_codes
    ADD CONSTRAINT recovery_codes_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.totp_factors
    ADD CONSTRAINT totp_factors_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);
