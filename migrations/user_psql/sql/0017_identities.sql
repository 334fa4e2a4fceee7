-- Who people are to OpenID providers, by which they log in; and accounts without a password, of those who have never set one.

alter table accounts alter column password_hash drop not null;
comment on column accounts.password_hash is 'argon2id; null for whoever logs in by an OpenID provider alone';

create table identities (
  issuer text not null,
  subject text not null,
  account_id text not null references accounts (id),
  provider text not null,
  created_at timestamptz not null default now(),
  last_used_at timestamptz,
  primary key (issuer, subject),
  unique (account_id, provider)
);
comment on table identities is 'by which people log in without a password';
comment on column identities.issuer is 'of an OpenID provider';
comment on column identities.subject is 'its word for somebody, which stays theirs';
comment on column identities.provider is 'our word for the provider';

-- As before, with identities.
create or replace function exported_rows(account text) returns table (name text, content jsonb)
language sql stable security definer set search_path = public, pg_temp as $$
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

grant select, delete, insert (issuer, subject, account_id, provider), update (last_used_at) on identities to botberi_user;
