-- Accounts and their sessions.

create table accounts (
  id text primary key,
  email text not null constraint accounts_email_key unique,
  password_hash text not null,
  scopes text[] not null default '{user}',
  suspended boolean not null default false,
  created_at timestamptz not null default now()
);
comment on column accounts.email is 'in lower case';
comment on column accounts.password_hash is 'argon2id';

create table sessions (
  id text primary key,
  account_id text not null references accounts (id),
  secret_hash text not null,
  token_key text not null,
  counter integer not null default 0,
  created_at timestamptz not null default now(),
  refreshed_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  revoked_reason text
);
create index sessions_account_id_idx on sessions (account_id);
comment on column sessions.secret_hash is 'sha256 of the secret in the refresh tokens';
comment on column sessions.token_key is 'of the HMAC that proves that a refresh token was given out';
comment on column sessions.counter is 'of the newest refresh token';

-- A session that was revoked is never brought back, whatever a role with the right to update it does.
create function keep_session_ended() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  raise exception 'a session that has ended stays as it is' using errcode = 'restrict_violation';
end $$;
create trigger sessions_keep_ended before update on sessions for each row
  when (old.revoked_at is not null) execute function keep_session_ended();

-- Remembered for a while after its end, for whoever asks what happened.
create function forget_ended_sessions(row_limit integer) returns integer language sql security definer
set search_path = public, pg_temp as $$
  with old as (
    delete from sessions where id in (
      select id from sessions where coalesce(revoked_at, expires_at) < now() - interval '90 days' limit row_limit)
    returning 1
  ) select count(*)::integer from old
$$;
