-- The audit trail, in both databases: who did what to what, appended in the transaction that did it, and changed by
-- nobody. What is hashed, byte by byte, is in docs/security/audit.md.

create table audit_entries (
  id text primary key,
  recorded_at timestamptz not null,
  origin text not null,
  actor text not null,
  action text not null,
  targets text[] not null,
  outcome text not null,
  details json,
  salt bytea,
  details_commitment bytea not null,
  entry_hash bytea not null,
  constraint audit_entries_origin_check check (origin in ('request', 'command', 'event')),
  constraint audit_entries_outcome_check check (outcome in ('succeeded', 'refused', 'failed')),
  constraint audit_entries_erased_check check ((details is null) = (salt is null))
);
create index audit_entries_action_id_idx on audit_entries (action, id);
create index audit_entries_origin_id_idx on audit_entries (origin, id);
create index audit_entries_outcome_id_idx on audit_entries (outcome, id) where outcome <> 'succeeded';
comment on table audit_entries is 'who did what: appended by append_audit_entry() alone';
comment on column audit_entries.details is 'JSON text as it was given, whose bytes are hashed; null once it was erased';
comment on column audit_entries.salt is 'of the commitment; erased with the details, which then nobody can guess';
comment on column audit_entries.details_commitment is 'sha256 of the salt and the details';
comment on column audit_entries.entry_hash is 'sha256 of all that is here but the details and the salt';

-- By whom entries are found, and by what they are about: a row for each.
create table audit_parties (
  party text,
  acted boolean,
  entry_id text,
  primary key (party, acted, entry_id)
);
comment on table audit_parties is 'by whom an entry is found: its actor, without an API key, and its targets';

create table audit_queue (entry_id text not null);
comment on table audit_queue is 'entries that are not sealed yet';

create table audit_seals (
  seq bigint primary key,
  entry_id text not null unique,
  entry_hash bytea not null,
  chain_hash bytea not null
);
comment on table audit_seals is 'the order of entries, as a chain of hashes: without gaps, and never two after one';
comment on column audit_seals.chain_hash is 'sha256 of the chain_hash before it, the entry_hash and the seq';

create table audit_anchors (
  number bigint primary key,
  first_seq bigint not null,
  last_seq bigint not null unique,
  hash bytea not null,
  document text not null,
  anchored_at timestamptz not null default now()
);
comment on table audit_anchors is 'what was put into the store of anchors of the chain';
comment on column audit_anchors.document is 'the text of what was put there';
comment on column audit_anchors.hash is 'sha256 of the document';

-- What may be changed of an entry is that its details are erased.
create function refuse_audit_change() returns trigger language plpgsql set search_path = public, pg_temp as $$
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

do $$
declare
  name text;
begin
  foreach name in array array['audit_entries', 'audit_parties', 'audit_seals', 'audit_anchors'] loop
    execute format('create trigger %1$s_change before update or delete on %1$s for each row
                    execute function refuse_audit_change()', name);
    execute format('create trigger %1$s_truncate before truncate on %1$s
                    execute function refuse_audit_change()', name);
  end loop;
end $$;

-- A field as it is hashed: how many bytes it has, and the bytes.
create function audit_field(value text) returns bytea language sql stable as $$
  select int4send(octet_length(value)) || convert_to(value, 'UTF8')
$$;

create function audit_entry_hash(
  id text, recorded_at timestamptz, origin text, actor text, action text, targets text[], outcome text,
  details_commitment bytea
) returns bytea language plpgsql stable set search_path = public, pg_temp as $$
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

-- Appends an entry and returns its id. Whoever may do so appends what is of their own origin: what a subscriber was told by an event is
-- never an entry of a request. The id and the time are nobody's to choose.
create function append_audit_entry(
  origin text, actor text, action text, targets text[], outcome text, details text
) returns text language plpgsql security definer set search_path = public, pg_temp as $$
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

-- Seals up to `row_limit` entries that aren't sealed yet, in the order of their ids, and returns how many. However many
-- call it, one does so at a time and goes on where the one before ended: no number is left out or given twice. An entry
-- is in the queue if it was committed, so that one whose transaction takes long is sealed later and not left out.
create function seal_audit_entries(row_limit integer) returns integer language plpgsql security definer
set search_path = public, pg_temp as $$
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

-- Keeps what was put into the store of anchors, if it goes on from the anchor before and its tip is that of the chain.
create function append_audit_anchor(number bigint, first_seq bigint, last_seq bigint, hash bytea, document text)
returns void language plpgsql security definer set search_path = public, pg_temp as $$
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

-- Erases the details of up to `row_limit` entries about an account that is no more, and of what it did unless that is
-- about another account, and returns of how many. What is left verifies as before: hashed are commitments to details.
create function erase_audit_details(account text, row_limit integer) returns integer language plpgsql security definer
set search_path = public, pg_temp as $$
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

-- Returns entries that an account did or that are about it, newest first: those before the id `before`, and of these
-- only the one with the id `one`, unless they are null. Of what others did it isn't told from where and with what.
create function audit_entries_about(account text, before text, row_limit integer, one text) returns setof audit_entries
language sql stable security definer set search_path = public, pg_temp as $$
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

revoke all on function refuse_audit_change, audit_field, audit_entry_hash, append_audit_entry, seal_audit_entries,
  append_audit_anchor, erase_audit_details, audit_entries_about, account_is_gone from public;
grant execute on function append_audit_entry to botberi_user, botberi_admin, botberi_broker, botberi_subscribers;
grant execute on function seal_audit_entries to botberi_admin, botberi_subscribers;
grant execute on function append_audit_anchor, erase_audit_details to botberi_subscribers;
grant execute on function audit_entries_about to botberi_user, botberi_subscribers;
grant select on audit_entries, audit_parties, audit_queue, audit_seals, audit_anchors to botberi_admin;
grant select on audit_seals, audit_anchors to botberi_user, botberi_subscribers;
