-- API keys as they are known here: events from user_psql bring them, and take them away.

create table api_keys (
  id text primary key,
  hash text constraint api_keys_hash_key unique,
  account_id text,
  scopes text[],
  expires_at timestamptz not null,
  last_used_at timestamptz,
  constraint api_keys_whole_check check (num_nulls(hash, account_id, scopes) in (0, 3))
);
create index api_keys_expires_at_idx on api_keys (expires_at);
comment on column api_keys.hash is 'sha256 of the key; null once it was revoked';
comment on column api_keys.last_used_at is 'to the minute, and only by what works on this database';

-- That a key was made and that it was revoked are events of two types, which may arrive in either order: of a key that
-- was revoked a row without a hash stays, over which nothing is written, until the key would have ended by itself.
create function record_api_key(key_id text, key_hash text, owner text, key_scopes text[], expires timestamptz)
returns void language sql security definer set search_path = public, pg_temp as $$
  insert into api_keys (id, hash, account_id, scopes, expires_at)
  values (key_id, key_hash, owner, key_scopes, expires)
  on conflict (id) do nothing
$$;

create function revoke_api_key(key_id text, expires timestamptz) returns void language sql security definer
set search_path = public, pg_temp as $$
  insert into api_keys (id, expires_at) values (key_id, expires)
  on conflict (id) do update set hash = null, account_id = null, scopes = null
$$;

-- Whoever asks for a key by its hash has the key: the functions that face the world can list none.
create function api_key_of(key_hash text)
returns table (id text, account_id text, scopes text[], expires_at timestamptz, used_lately boolean)
language sql stable security definer set search_path = public, pg_temp as $$
  select api_keys.id, api_keys.account_id, api_keys.scopes, api_keys.expires_at,
         coalesce(last_used_at > now() - interval '1 minute', false)
  from api_keys where hash = key_hash and api_keys.expires_at > now()
$$;

create function ended_api_keys(key_ids text[]) returns setof text
language sql stable security definer set search_path = public, pg_temp as $$
  select key_id from unnest(key_ids) as key_id where not exists (
    select from api_keys where id = key_id and hash is not null and expires_at > now())
$$;

-- Never waits for anybody: who finds the row locked leaves it, since whoever holds it uses, notes or revokes the key.
create function note_api_key_use(key_id text) returns void language sql security definer
set search_path = public, pg_temp set lock_timeout = '100ms' as $$
  update api_keys set last_used_at = now() where id = (
    select id from api_keys
    where id = key_id and hash is not null
      and (last_used_at is null or last_used_at <= now() - interval '1 minute')
    for update skip locked)
$$;

create function api_key_uses(key_ids text[]) returns table (id text, last_used_at timestamptz)
language sql stable security definer set search_path = public, pg_temp as $$
  select api_keys.id, api_keys.last_used_at from api_keys
  where api_keys.id = any(key_ids) and api_keys.last_used_at is not null
$$;

create function forget_api_keys(row_limit integer) returns integer language sql security definer
set search_path = public, pg_temp as $$
  with old as (
    delete from api_keys where id in (select id from api_keys where expires_at < now() limit row_limit)
    returning 1
  ) select count(*)::integer from old
$$;

revoke all on function record_api_key, revoke_api_key, api_key_of, ended_api_keys, note_api_key_use, api_key_uses,
  forget_api_keys from public;
grant execute on function record_api_key, revoke_api_key, forget_api_keys to botberi_subscribers;
grant execute on function api_key_of, ended_api_keys, note_api_key_use
  to botberi_user, botberi_admin, botberi_broker, botberi_gateway;
grant execute on function api_key_uses to botberi_user;
