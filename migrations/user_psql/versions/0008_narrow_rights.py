"""Each part writes what it has to and no more: scopes are given by administrators, and a session ends for good.

Sign-ups can't choose their scopes; whoever asks whether a session has ended sees nothing else of it; what is old is
forgotten by functions that forget nothing else.
"""

from alembic import op

revision = "0008"
down_revision = "0007"

SESSIONS = """
create function keep_session_ended() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  raise exception 'a session that has ended stays as it is' using errcode = 'restrict_violation';
end $$;
create trigger sessions_keep_ended before update on sessions for each row
  when (old.revoked_at is not null) execute function keep_session_ended();
"""

FORGETTING = """
-- A request is repeated within minutes.
create function forget_idempotency_keys(most integer) returns integer language sql security definer
set search_path = public, pg_temp as $$
  with old as (
    delete from idempotency_keys where (caller, key) in (
      select caller, key from idempotency_keys where created < now() - interval '7 days' limit most)
    returning 1
  ) select count(*)::integer from old
$$;

-- Nothing that is older can be published again: the outbox keeps what was delivered for a week, bodies for a month.
create function forget_handled_events(most integer) returns integer language sql security definer
set search_path = public, pg_temp as $$
  with old as (
    delete from inbox where (subscriber, source, id) in (
      select subscriber, source, id from inbox where received < now() - interval '45 days' limit most)
    returning 1
  ) select count(*)::integer from old
$$;

-- Remembered for a while after its end, for whoever asks what happened.
create function forget_ended_sessions(most integer) returns integer language sql security definer
set search_path = public, pg_temp as $$
  with old as (
    delete from sessions where id in (
      select id from sessions where coalesce(revoked_at, expires_at) < now() - interval '90 days' limit most)
    returning 1
  ) select count(*)::integer from old
$$;
"""

UPGRADE = """
revoke insert on accounts from botberi_user;
grant insert (id, email, password_hash) on accounts to botberi_user;
grant insert (id, email, password_hash, scopes), update (scopes, suspended) on accounts to botberi_admin;

revoke insert, update on sessions from botberi_user;
grant insert (id, account_id, secret_hash, chain_key, expires_at),
      update (secret_hash, counter, refreshed_at, expires_at, revoked_at, revoked_reason) on sessions to botberi_user;
revoke select on sessions from botberi_admin, botberi_broker;
grant select (id, account_id, revoked_at), update (revoked_at, revoked_reason) on sessions to botberi_admin;
grant select (id, revoked_at) on sessions to botberi_broker;

revoke select (caller, key, created), delete on idempotency_keys from botberi_subscribers;
revoke delete on inbox from botberi_subscribers;
revoke select (id, expires_at, revoked_at), delete on sessions from botberi_subscribers;
revoke all on function keep_session_ended, forget_idempotency_keys, forget_handled_events, forget_ended_sessions
  from public;
grant execute on function forget_idempotency_keys, forget_handled_events, forget_ended_sessions to botberi_subscribers;
"""

DOWNGRADE = """
drop trigger sessions_keep_ended on sessions;
drop function keep_session_ended, forget_idempotency_keys, forget_handled_events, forget_ended_sessions;
grant select (caller, key, created), delete on idempotency_keys to botberi_subscribers;
grant delete on inbox to botberi_subscribers;
grant select (id, expires_at, revoked_at), delete on sessions to botberi_subscribers;

revoke select (id, revoked_at) on sessions from botberi_broker;
revoke select (id, account_id, revoked_at), update (revoked_at, revoked_reason) on sessions from botberi_admin;
grant select on sessions to botberi_admin, botberi_broker;
revoke insert (id, account_id, secret_hash, chain_key, expires_at),
       update (secret_hash, counter, refreshed_at, expires_at, revoked_at, revoked_reason) on sessions
  from botberi_user;
grant insert, update on sessions to botberi_user;

revoke insert (id, email, password_hash, scopes), update (scopes, suspended) on accounts from botberi_admin;
revoke insert (id, email, password_hash) on accounts from botberi_user;
grant insert on accounts to botberi_user;
"""


def upgrade() -> None:
    """Take rights away, and give narrower ones."""
    op.execute(SESSIONS)
    op.execute(FORGETTING)
    op.execute(UPGRADE)


def downgrade() -> None:
    """Give them back."""
    op.execute(DOWNGRADE)
