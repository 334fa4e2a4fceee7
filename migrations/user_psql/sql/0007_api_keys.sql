-- API keys: what an account's programs show in the place of an access token.

create table api_keys (
  id text primary key,
  account_id text not null references accounts (id),
  hash text not null constraint api_keys_hash_key unique,
  name text not null,
  scopes text[] not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz,
  revoked_reason text
);
create index api_keys_account_id_idx on api_keys (account_id);
comment on column api_keys.hash is 'sha256 of the key, which is kept nowhere';
comment on column api_keys.name is 'its owner''s word for it';
comment on column api_keys.last_used_at is 'to the minute, and only by what works on this database';

-- A key that was revoked is never brought back, whatever a role with the right to update it does.
create function keep_api_key_revoked() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  raise exception 'an API key that was revoked stays as it is' using errcode = 'restrict_violation';
end $$;
create trigger api_keys_keep_revoked before update on api_keys for each row
  when (old.revoked_at is not null) execute function keep_api_key_revoked();

-- Whoever asks for a key by its hash has the key: the functions that face the world can list none.
create function api_key_of(key_hash text)
returns table (id text, account_id text, scopes text[], expires_at timestamptz, used_lately boolean)
language sql stable security definer set search_path = public, pg_temp as $$
  select api_keys.id, api_keys.account_id, api_keys.scopes, api_keys.expires_at,
         coalesce(last_used_at > now() - interval '1 minute', false)
  from api_keys where hash = key_hash and revoked_at is null and api_keys.expires_at > now()
$$;

-- Never waits for anybody: who finds the row locked leaves it, since whoever holds it uses, notes or revokes the key.
create function note_api_key_use(key_id text) returns void language sql security definer
set search_path = public, pg_temp set lock_timeout = '100ms' as $$
  update api_keys set last_used_at = now() where id = (
    select id from api_keys
    where id = key_id and revoked_at is null
      and (last_used_at is null or last_used_at <= now() - interval '1 minute')
    for update skip locked)
$$;

-- For the subscriber that makes a key known in shared_psql: nothing of one that has ended.
create function api_key_to_record(key_id text)
returns table (hash text, account_id text, scopes text[], expires_at timestamptz)
language sql stable security definer set search_path = public, pg_temp as $$
  select api_keys.hash, api_keys.account_id, api_keys.scopes, api_keys.expires_at
  from api_keys where id = key_id and revoked_at is null and api_keys.expires_at > now()
$$;

create function forget_ended_api_keys(row_limit integer) returns integer language sql security definer
set search_path = public, pg_temp as $$
  with old as (
    delete from api_keys where id in (
      select id from api_keys where least(revoked_at, expires_at) < now() - interval '90 days' limit row_limit)
    returning 1
  ) select count(*)::integer from old
$$;

revoke all on function keep_api_key_revoked, api_key_of, note_api_key_use, api_key_to_record, forget_ended_api_keys
  from public;
grant select (id, account_id, name, scopes, created_at, expires_at, last_used_at, revoked_at),
      insert (id, account_id, hash, name, scopes, expires_at),
      update (revoked_at, revoked_reason) on api_keys to botberi_user;
grant select (id, account_id, scopes, expires_at, revoked_at),
      update (revoked_at, revoked_reason) on api_keys to botberi_admin;
grant execute on function api_key_of, note_api_key_use to botberi_user, botberi_admin, botberi_broker;
grant execute on function api_key_to_record, forget_ended_api_keys to botberi_subscribers;
