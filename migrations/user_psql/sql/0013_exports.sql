-- What people take along: everything about an account, written down once they ask for it, and kept for a day.

create table exports (
  id text primary key,
  account_id text not null references accounts (id),
  requested_at timestamptz not null default now(),
  finished_at timestamptz,
  bytes bigint,
  place text,
  parts integer
);
create index exports_account_id_idx on exports (account_id);
create index exports_requested_at_idx on exports (requested_at);
comment on column exports.finished_at is 'null until all of it is in the store of objects';
comment on column exports.bytes is 'that it has';
comment on column exports.place is 'where its parts are in the store of objects';

-- All rows of an account here, as JSON, without what only servers need: hashes and sealed secrets.
create function exported_rows(account text) returns table (name text, content jsonb)
language sql stable security definer set search_path = public, pg_temp as $$
  select 'accounts', to_jsonb(t) - 'password_hash' from accounts as t where id = account
  union all select 'sessions', to_jsonb(t) - '{secret_hash,token_key}'::text[] from sessions as t
    where account_id = account
  union all select 'api_keys', to_jsonb(t) - 'hash' from api_keys as t where account_id = account
  union all select 'totp_factors', to_jsonb(t) - '{key_id,wrapped_key,sealed,last_step}'::text[] from totp_factors as t
    where account_id = account
  union all select 'passkeys', to_jsonb(t) - '{public_key,sign_count}'::text[] from passkeys as t
    where account_id = account
  union all select 'email_changes', to_jsonb(t) from email_changes as t where account_id = account
  union all select 'exports', to_jsonb(t) - 'place' from exports as t where account_id = account
$$;

create function forget_exports(row_limit integer) returns integer language sql security definer
set search_path = public, pg_temp as $$
  with old as (
    delete from exports where id in (
      select id from exports where requested_at < now() - interval '1 day' limit row_limit)
    returning 1
  ) select count(*)::integer from old
$$;

revoke all on function exported_rows, forget_exports from public;
grant select, insert (id, account_id) on exports to botberi_user;
grant select (id, account_id, requested_at, finished_at), update (finished_at, bytes, place, parts) on exports to botberi_subscribers;
grant execute on function exported_rows, forget_exports to botberi_subscribers;
