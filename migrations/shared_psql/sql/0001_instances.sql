-- Instances of agents, and the history of each.

-- `desired_state` is written by the API and by policies, `status` by the worker alone.
--
-- A worker that looks after an instance takes a lease on it: `lease_owner` is drawn by whoever takes it, and when
-- `lease_expires_at` has passed somebody else may. Each of its writes names the owner and the row's version that it
-- read, and writes nothing when either has changed: a worker that was paused beyond its lease changes nothing that
-- another has in hand. A transient status has a deadline at which it is given up.
create table instances (
  id text primary key,
  owner_id text not null,
  agent_id text not null references agents (id),
  version_id text not null references agent_versions (id),
  name text not null,
  config json not null,
  desired_state text not null
    constraint instances_desired_state_check check (desired_state in ('running', 'stopped', 'deleted')),
  status text not null default 'pending'
    constraint instances_status_check check (status in ('pending', 'provisioning', 'starting', 'updating', 'running',
      'stopping', 'stopped', 'failed', 'deleting', 'deleted')),
  reason text not null,
  message text not null,
  next text not null default '',
  deadline_at timestamptz,
  address text,
  attempts integer not null default 0,
  due_at timestamptz not null default now(),
  row_version integer not null default 1,
  lease_owner text,
  lease_expires_at timestamptz,
  queued_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  secret_places text[] not null default '{""}',
  constraint instances_deadline_check check (status not in
    ('pending', 'provisioning', 'starting', 'updating', 'stopping', 'deleting') or deadline_at is not null)
);
create index instances_owner_id_id_idx on instances (owner_id, id);
create index instances_due_at_idx on instances (due_at) where status <> 'deleted';
comment on column instances.config is 'as it was sent, with the schema''s defaults: order and numbers stay';
comment on column instances.reason is 'a typed reason for the present status';
comment on column instances.message is 'the reason for people';
comment on column instances.next is 'what happens next, for people';
comment on column instances.deadline_at is 'when a transient status is given up';
comment on column instances.address is 'the base URL that answers, while it runs';
comment on column instances.attempts is 'starts that failed one after another';
comment on column instances.due_at is 'when the worker should look again';
comment on column instances.lease_owner is 'who has the lease, drawn at random; null when nobody has';
comment on column instances.queued_at is 'when the sweep last handed it to the workers';
comment on column instances.secret_places is
  'JSON Pointers to the secrets in the config, which nobody is shown; an empty one stands for all of it';

create table instance_events (
  id text primary key,
  instance_id text not null references instances (id),
  kind text not null,
  previous text,
  value text not null,
  reason text not null,
  actor text not null,
  message text not null,
  next text not null default '',
  at timestamptz not null default clock_timestamp(),
  sequence bigint
);
create index instance_events_instance_id_id_idx on instance_events (instance_id, id);
comment on column instance_events.kind is '`desired_state` or `status`: which of the two changed';

-- For those who watch, without a right to read any instance.
create function instance_statistics()
returns table (status text, instances bigint, overdue bigint, past_deadline bigint)
language sql stable security definer set search_path = public, pg_temp as $$
  select status, count(*), count(*) filter (where due_at < clock_timestamp() - interval '60 seconds'),
         count(*) filter (where deadline_at < clock_timestamp())
  from instances where status <> 'deleted' group by status
$$;
comment on function instance_statistics is
  'instances by status: how many, waiting for a worker for more than a minute, beyond their deadline';
