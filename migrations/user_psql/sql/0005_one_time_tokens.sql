-- Tokens that are sent by mail and are good once: to verify an address, and to set a forgotten password. An account has
-- one of each purpose: the newest.

alter table accounts add column verified_at timestamptz;
comment on column accounts.verified_at is 'when its owner proved that mail to the address reaches them';

create table one_time_tokens (
  account_id text not null references accounts (id),
  purpose text not null,
  token_hash bytea not null constraint one_time_tokens_token_hash_key unique,
  expires_at timestamptz not null,
  primary key (account_id, purpose)
);
create index one_time_tokens_expires_at_idx on one_time_tokens (expires_at);
comment on column one_time_tokens.token_hash is 'sha256 of the token';

create function forget_one_time_tokens(row_limit integer) returns integer language sql security definer
set search_path = public, pg_temp as $$
  with old as (
    delete from one_time_tokens where token_hash in (
      select token_hash from one_time_tokens where expires_at < now() limit row_limit)
    returning 1
  ) select count(*)::integer from old
$$;

revoke all on function forget_one_time_tokens from public;
grant execute on function forget_one_time_tokens to botberi_subscribers;

-- Whoever writes the mail makes its token, and reads to whom it goes; whoever is shown the token takes it.
grant select (id, email, verified_at) on accounts to botberi_subscribers;
grant select (account_id, purpose), insert, update (token_hash, expires_at) on one_time_tokens to botberi_subscribers;
grant select, delete on one_time_tokens to botberi_user;
grant update (verified_at) on accounts to botberi_user;
grant select (verified_at), update (verified_at) on accounts to botberi_admin;
