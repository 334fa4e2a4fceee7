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
  union all select 'email_changes', to_jsonb(t) from email_changes as t where account_id = account
  union all select 'exports', to_jsonb(t) - 'place' from exports as t where account_id = account
$$;
drop table identities;
-- Nobody logs in by this: such an account's owner sets a password by a mail.
update accounts set password_hash = '$argon2id$v=19$m=8,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
where password_hash is null;
comment on column accounts.password_hash is 'argon2id';
alter table accounts alter column password_hash set not null;
