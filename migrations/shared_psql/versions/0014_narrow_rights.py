"""Each part writes what it has to and no more.

The worker changes neither whose an instance is nor what is wanted of it; an audit entry can't choose when it was
recorded; what is old is forgotten by functions that forget nothing else.
"""

from alembic import op

revision = "0014"
down_revision = "0013"

FUNCTIONS = """
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

-- The newest of a schedule says from where to go on.
create function forget_slots(most integer) returns integer language sql security definer
set search_path = public, pg_temp as $$
  with old as (
    delete from cron_slots where (schedule, slot) in (
      select schedule, slot from cron_slots old where slot < now() - interval '30 days'
      and exists (select from cron_slots newer where newer.schedule = old.schedule and newer.slot > old.slot)
      limit most)
    returning 1
  ) select count(*)::integer from old
$$;
"""

UPGRADE = """
revoke select on instances from botberi_subscribers;
revoke select on revoked_sessions from botberi_subscribers;
revoke select (caller, key, created), delete on idempotency_keys from botberi_subscribers;
revoke delete on inbox from botberi_subscribers;
revoke select, delete on cron_slots from botberi_subscribers;
revoke select, insert on audit from botberi_subscribers;
-- To see that an event is in the trail already, and nothing of what it says.
grant select (source, event_id),
      insert (id, source, event_id, type, subject, actor, trace_id, data, happened_at) on audit to botberi_subscribers;
revoke all on function forget_idempotency_keys, forget_handled_events, forget_slots from public;
grant execute on function forget_idempotency_keys, forget_handled_events, forget_slots to botberi_subscribers;

revoke update on instances from botberi_worker;
grant update (config, secret_places, status, reason, sentence, next, address, attempts, due_at, deadline_at,
              row_version, lease_nonce, lease_until, offered_at, updated_at) on instances to botberi_worker;
"""

DOWNGRADE = """
revoke update (config, secret_places, status, reason, sentence, next, address, attempts, due_at, deadline_at,
               row_version, lease_nonce, lease_until, offered_at, updated_at) on instances from botberi_worker;
grant update on instances to botberi_worker;

drop function forget_idempotency_keys, forget_handled_events, forget_slots;
revoke select (source, event_id),
       insert (id, source, event_id, type, subject, actor, trace_id, data, happened_at) on audit
  from botberi_subscribers;
grant select, insert on audit to botberi_subscribers;
grant select, delete on cron_slots to botberi_subscribers;
grant delete on inbox to botberi_subscribers;
grant select (caller, key, created), delete on idempotency_keys to botberi_subscribers;
grant select on revoked_sessions to botberi_subscribers;
grant select on instances to botberi_subscribers;
"""


def upgrade() -> None:
    """Take rights away, and give narrower ones."""
    op.execute(FUNCTIONS)
    op.execute(UPGRADE)


def downgrade() -> None:
    """Give them back."""
    op.execute(DOWNGRADE)
