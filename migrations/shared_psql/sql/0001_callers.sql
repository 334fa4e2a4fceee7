-- What is known of callers besides their accounts: the audit trail of what they did, the sessions that were revoked,
-- and other systems that publish events.

create table audit (
  id text primary key,
  source text not null,
  event_id text not null,
  type text not null,
  subject text not null,
  actor text not null,
  trace_id text,
  data jsonb not null,
  happened_at timestamptz not null,
  recorded_at timestamptz not null default now()
);
create index audit_subject_id_idx on audit (subject, id);
create unique index audit_source_event_id_idx on audit (source, event_id);

create table revoked_sessions (
  session_id text primary key,
  expires_at timestamptz not null
);
create index revoked_sessions_expires_at_idx on revoked_sessions (expires_at);

-- Remembers a session until `expires`, or until the later end that is known of it already, and forgets those whose last
-- access token has expired. Nobody takes a session off the list before that: this is the only way to write to it.
create function remember_revoked(session text, expires timestamptz) returns void language sql security definer
set search_path = public, pg_temp as $$
  delete from revoked_sessions where expires_at < now();
  insert into revoked_sessions as known (session_id, expires_at) values (session, expires)
  on conflict (session_id) do update set expires_at = greatest(known.expires_at, excluded.expires_at)
$$;

create table publishers (
  id text primary key,
  name text not null constraint publishers_name_key unique,
  sources text[] not null,
  types text[] not null,
  scopes text[] not null,
  created_at timestamptz not null default now(),
  revoked_at timestamptz
);
comment on column publishers.sources is 'that it may name, and what is below them';
comment on column publishers.types is 'that it may publish; empty for all that its scopes allow';

create table publisher_keys (
  hash text primary key,
  publisher_id text not null references publishers (id),
  created_at timestamptz not null default now(),
  expires_at timestamptz
);
create index publisher_keys_publisher_id_idx on publisher_keys (publisher_id);
comment on column publisher_keys.hash is 'sha256 of the key, which is kept nowhere';
comment on column publisher_keys.expires_at is 'null for a key that was not replaced';

-- Whoever asks for a key by its hash has the key: the functions that face the world can list neither.
create function publisher_of(key_hash text) returns table (id text, sources text[], types text[], scopes text[])
language sql stable security definer set search_path = public, pg_temp as $$
  select publishers.id, publishers.sources, publishers.types, publishers.scopes
  from publisher_keys join publishers on publishers.id = publisher_id
  where hash = key_hash and revoked_at is null and (expires_at is null or expires_at > now())
$$;
