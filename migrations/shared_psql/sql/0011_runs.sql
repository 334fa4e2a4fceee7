-- Runs: what instances are asked, what came of it, and every event on the way.

create table conversations (
  id text primary key,
  instance_id text not null references instances (id),
  owner_id text not null,
  client_key text,
  runs integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (instance_id, client_key)
);
create index conversations_instance_id_id_idx on conversations (instance_id, id);
comment on column conversations.client_key is 'by what a client of a protocol knows it: the protocol, and its own id';
comment on column conversations.runs is 'how many: the position of the last';

-- Ids are compared byte by byte, as the partitions of run_events are divided.
create table runs (
  id text collate "C" primary key,
  conversation_id text not null references conversations (id),
  position integer not null,
  instance_id text not null references instances (id),
  owner_id text not null,
  version_id text references agent_versions (id),
  protocol text not null default 'api',
  client_key text,
  fingerprint text,
  message_id text not null,
  message jsonb not null,
  status text not null default 'queued'
    constraint runs_status_check
    check (status in ('queued', 'running', 'input_required', 'completed', 'failed', 'cancelled')),
  reason text not null,
  explanation text not null,
  status_at timestamptz not null default now(),
  attempt integer not null default 0,
  retries integer not null default 0,
  seconds integer not null,
  due_at timestamptz not null default now(),
  deadline_at timestamptz,
  request jsonb,
  answer jsonb,
  cancel_reason text,
  cancelled_by text,
  reply text,
  reply_sequence bigint not null default 0,
  usage jsonb not null default '{}',
  wall_ms bigint not null default 0,
  processor_ms bigint not null default 0,
  reservation jsonb,
  last_sequence bigint not null default 0,
  lease_owner text,
  lease_token bigint not null default 0,
  lease_expires_at timestamptz,
  traceparent text,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  ended_at timestamptz,
  unique (conversation_id, position),
  unique (instance_id, client_key),
  constraint runs_deadline_check check ((deadline_at is null) = (status in ('completed', 'failed', 'cancelled'))),
  constraint runs_ended_check check ((ended_at is not null) = (status in ('completed', 'failed', 'cancelled')))
);
create index runs_instance_id_id_idx on runs (instance_id, id);
create index runs_owner_id_id_idx on runs (owner_id, id);
create index runs_queued_idx on runs (owner_id, id) where status = 'queued';
create index runs_open_idx on runs (instance_id) where status in ('queued', 'running', 'input_required');
create index runs_open_conversation_idx on runs (conversation_id, position)
  where status in ('queued', 'running', 'input_required');
create index runs_lease_expires_at_idx on runs (lease_expires_at) where lease_owner is not null;
create index runs_deadline_at_idx on runs (deadline_at) where deadline_at is not null;
create index runs_ended_at_idx on runs (ended_at) where ended_at is not null;
comment on column runs.position is 'in its conversation, whose runs take turns in this order';
comment on column runs.version_id is 'which answered; null before the first attempt';
comment on column runs.protocol is 'by which it was asked';
comment on column runs.client_key is 'by which whoever asks twice is given the first; null if it has none';
comment on column runs.fingerprint is 'of what was asked with that key';
comment on column runs.message is 'what the agent is told: text, and what came with it';
comment on column runs.reason is 'a typed reason for the present status';
comment on column runs.explanation is 'the reason for people';
comment on column runs.status_at is 'since when it has that status';
comment on column runs.attempt is 'calls of the agent that were begun';
comment on column runs.retries is 'calls that may be begun after the first: one more with each answer';
comment on column runs.seconds is 'how long a call of the agent may take';
comment on column runs.deadline_at is 'when the present status is given up';
comment on column runs.request is 'what the agent has asked for; null while it asks nothing';
comment on column runs.answer is 'the answer to what the agent asked last';
comment on column runs.cancel_reason is 'why it is to be cancelled; null unless somebody has asked';
comment on column runs.reply is 'the text of its events up to reply_sequence; null before there is any that stays';
comment on column runs.reply_sequence is 'the number up to which the reply is that: an attempt that is tried again is left out';
comment on column runs.usage is 'what the agent reports, by its names';
comment on column runs.reservation is 'what is reserved of budgets; null when nothing is';
comment on column runs.last_sequence is 'the number of its last event';
comment on column runs.lease_owner is 'the runner that has the lease; null when none has';
comment on column runs.lease_token is 'the fencing token';
comment on column runs.traceparent is 'of the request that asked for it';

-- Divided by the time in the run's id, a day each: what is old goes as a whole.
create table run_events (
  run_id text collate "C" not null,
  sequence bigint not null,
  at timestamptz not null,
  type text not null,
  data jsonb not null,
  primary key (run_id, sequence)
) partition by range (run_id);
create table run_events_default partition of run_events default;
comment on table run_events is 'what happens in runs, numbered from 1 without gaps; added to and never changed';

-- The first id that can be made at a time, of those that begin with `prefix`.
create function first_id(prefix text, at timestamptz) returns text language sql immutable as $$
  select prefix || '_' || lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0')
$$;

-- Keeps partitions for today and the next two days, and drops those of which every run has ended `days` ago. A day that
-- has rows in the default partition gets none. Waits 200 ms at most for those who write.
create function rotate_run_events(days integer) returns integer language plpgsql security definer
set search_path = public, pg_temp as $$
declare
  day date;
  part record;
  dropped integer := 0;
  low text;
  high text;
begin
  perform set_config('lock_timeout', '200ms', true);
  for number in 0 .. 2 loop
    day := (now() at time zone 'utc')::date + number;
    low := first_id('run', day::timestamp at time zone 'utc');
    high := first_id('run', (day + 1)::timestamp at time zone 'utc');
    continue when to_regclass('run_events_' || to_char(day, 'YYYYMMDD')) is not null
      or exists (select from run_events_default where run_id >= low and run_id < high);
    execute format('create table run_events_%s partition of run_events for values from (%L) to (%L)',
                   to_char(day, 'YYYYMMDD'), low, high);
  end loop;
  for part in
    select relname from pg_class
    where relkind = 'r' and relname ~ '^run_events_[0-9]{8}$'
      and to_date(substr(relname, 12), 'YYYYMMDD') < (now() at time zone 'utc')::date - greatest(days, 1)
    order by 1
  loop
    day := to_date(substr(part.relname, 12), 'YYYYMMDD');
    low := first_id('run', day::timestamp at time zone 'utc');
    high := first_id('run', (day + 1)::timestamp at time zone 'utc');
    continue when exists (
      select from runs where id >= low and id < high
        and (ended_at is null or ended_at > now() - make_interval(days => greatest(days, 1))));
    execute format('drop table %I', part.relname);
    dropped := dropped + 1;
  end loop;
  return dropped;
end $$;

-- Runs that ended more than so many days ago, one at least, and those of instances that are deleted, with their events
-- as far as these are still there; then conversations of which nothing is left.
create function forget_runs(row_limit integer, days integer) returns integer language plpgsql security definer
set search_path = public, pg_temp as $$
declare
  old text[];
  empty integer;
begin
  select array_agg(id) into old from (
    (select id from runs where ended_at < now() - make_interval(days => greatest(days, 1)) limit row_limit)
    union
    (select runs.id from runs join instances on instances.id = instance_id
     where instances.status = 'deleted' and ended_at is not null limit row_limit)
  ) as found;
  delete from run_events where run_id = any (old);
  delete from runs where id = any (old);
  delete from conversations where id in (
    select conversations.id from conversations
    where (updated_at < now() - make_interval(days => greatest(days, 1))
           or exists (select from instances where instances.id = instance_id and status = 'deleted'))
      and not exists (select from runs where conversation_id = conversations.id)
    limit row_limit);
  get diagnostics empty = row_count;
  return least(greatest(coalesce(cardinality(old), 0), empty), row_limit);
end $$;

-- One run that has ended, with its events. Returns whether there was one.
create function forget_run(run text) returns boolean language plpgsql security definer
set search_path = public, pg_temp as $$
begin
  perform from runs where id = run and ended_at is not null for update;
  if not found then
    return false;
  end if;
  delete from run_events where run_id = run;
  delete from runs where id = run;
  return true;
end $$;

alter table agent_versions add column retries integer not null default 0
  constraint agent_versions_retries_check check (retries between 0 and 10);
alter table agent_versions add column interface jsonb not null default '{}';
comment on column agent_versions.retries is 'how often a run is tried again that was lost or that failed';
comment on column agent_versions.interface is 'what it offers to clients of protocols: skills, tools, prompts, resources';

-- Who asks is answered by functions of the API; who works on it is the runner.
grant select on conversations, runs, run_events to botberi_user, botberi_admin, botberi_runner;
grant insert on conversations, runs, run_events to botberi_user;
grant update (runs, updated_at) on conversations to botberi_user;
grant update (client_key, status, reason, explanation, status_at, retries, due_at, deadline_at, request, answer,
              cancel_reason, cancelled_by, reply, reply_sequence, reservation, last_sequence, ended_at) on runs to botberi_user;
grant insert on run_events to botberi_runner;
grant update (version_id, status, reason, explanation, status_at, attempt, due_at, deadline_at, request, answer,
              cancel_reason, cancelled_by, reply, reply_sequence, usage, wall_ms, processor_ms, reservation, last_sequence, lease_owner,
              lease_token, lease_expires_at, started_at, ended_at) on runs to botberi_runner;
grant select on instances, instance_specs, instance_secrets, agent_versions, version_deployments to botberi_runner;
grant update (attempts, due_at) on instances to botberi_runner;
grant select on kill_switches, instance_events to botberi_runner;
grant execute on function emit_event to botberi_runner;
grant select on runs, run_events to botberi_gateway;
grant select, delete on conversations, runs, run_events to botberi_worker;
revoke all on function first_id, rotate_run_events, forget_runs, forget_run from public;
grant execute on function forget_run to botberi_user;
grant execute on function rotate_run_events, forget_runs to botberi_subscribers;
grant execute on function rotate_run_events to botberi_runner;
