-- Second factors: an app that makes one-time passwords, recovery codes, and log-ins that have yet to prove either.

create table totp_factors (
  account_id text primary key references accounts (id),
  key_id text not null,
  wrapped_key bytea not null,
  sealed bytea not null,
  created_at timestamptz not null default now(),
  confirmed_at timestamptz,
  last_step bigint
);
comment on column totp_factors.key_id is 'the master key that wraps the data key';
comment on column totp_factors.wrapped_key is 'the data key, encrypted with the master key';
comment on column totp_factors.sealed is 'the secret, encrypted with the data key';
comment on column totp_factors.confirmed_at is 'from when on log-ins need it';
comment on column totp_factors.last_step is 'the newest step of which a code was used';

create table recovery_codes (
  account_id text references accounts (id),
  code_hash bytea,
  primary key (account_id, code_hash)
);
comment on column recovery_codes.code_hash is 'sha256';

create table mfa_challenges (
  challenge_hash bytea primary key,
  account_id text not null references accounts (id),
  expires_at timestamptz not null
);
create index mfa_challenges_account_id_idx on mfa_challenges (account_id);
create index mfa_challenges_expires_at_idx on mfa_challenges (expires_at);
comment on column mfa_challenges.challenge_hash is 'sha256';

create function forget_mfa_challenges(row_limit integer) returns integer language sql security definer
set search_path = public, pg_temp as $$
  with old as (
    delete from mfa_challenges where challenge_hash in (
      select challenge_hash from mfa_challenges where expires_at < now() limit row_limit)
    returning 1
  ) select count(*)::integer from old
$$;

-- An administrator takes a factor away, and neither reads nor adds one.
revoke all on function forget_mfa_challenges from public;
grant select, insert (account_id, key_id, wrapped_key, sealed, created_at), delete,
      update (key_id, wrapped_key, sealed, created_at, confirmed_at, last_step) on totp_factors to botberi_user;
grant select, insert, delete on recovery_codes, mfa_challenges to botberi_user;
grant update (aal) on sessions to botberi_user;
grant select (account_id, confirmed_at), delete on totp_factors to botberi_admin;
grant select (account_id), delete on recovery_codes, mfa_challenges to botberi_admin;
grant execute on function forget_mfa_challenges to botberi_subscribers;
