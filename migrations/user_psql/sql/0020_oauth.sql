-- Clients of OAuth: programs that somebody has consented to act for them at one resource, each by a session of its own.

alter table sessions add column client_id text;
alter table sessions add column client_name text;
alter table sessions add column resource text;
alter table sessions add column scopes text[];
comment on column sessions.client_id is 'of OAuth, whose session it is; null for people''s own';
comment on column sessions.client_name is 'what the client calls itself';
comment on column sessions.resource is 'the one address at which its access tokens are good';
comment on column sessions.scopes is 'what the client may do, at most';

create table oauth_codes (
  code_hash bytea primary key,
  account_id text not null references accounts (id),
  client_id text not null,
  client_name text not null,
  redirect_uri text not null,
  challenge text not null,
  resource text not null,
  scopes text[] not null,
  expires_at timestamptz not null,
  session_id text
);
create index oauth_codes_account_id_idx on oauth_codes (account_id);
create index oauth_codes_expires_at_idx on oauth_codes (expires_at);
comment on column oauth_codes.code_hash is 'sha256';
comment on column oauth_codes.redirect_uri is 'where the browser was sent with it';
comment on column oauth_codes.challenge is 'of PKCE: the sha256 of what the client has kept back';
comment on column oauth_codes.session_id is 'that came of it; null until it is used';

-- For a day: a code that comes back ends what came of it.
create function forget_oauth_codes(row_limit integer) returns integer language sql security definer
set search_path = public, pg_temp as $$
  with old as (
    delete from oauth_codes where code_hash in (
      select code_hash from oauth_codes where expires_at < now() - interval '1 day' limit row_limit
      for update skip locked)
    returning 1
  ) select count(*)::integer from old
$$;

revoke all on function forget_oauth_codes from public;
grant execute on function forget_oauth_codes to botberi_subscribers;
grant insert (client_id, client_name, resource, scopes) on sessions to botberi_user;
grant select, delete,
      insert (code_hash, account_id, client_id, client_name, redirect_uri, challenge, resource, scopes, expires_at),
      update (session_id) on oauth_codes to botberi_user;
-- Whoever ends all sessions of an account withdraws what it has consented to.
grant select (account_id), delete on oauth_codes to botberi_admin;
-- Support sees whose sessions they are.
grant select (client_id, client_name, resource) on sessions to botberi_admin;
