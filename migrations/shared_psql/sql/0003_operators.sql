-- What operators decide about others: what accounts may have, and what is not to run.

create table account_limits (
  account_id text primary key,
  limits jsonb not null,
  row_version integer not null default 1,
  updated_at timestamptz not null default now()
);
comment on column account_limits.limits is 'by their names; what isn''t there is the installation''s';

-- A switch that is engaged keeps whatever it concerns from being started and from taking messages: that is looked up.
-- To stop what runs is a second step, which may take a while.
create table kill_switches (
  id text primary key,
  scope text not null
    constraint kill_switches_scope_check check (scope in ('everything', 'owner', 'version', 'suspension')),
  target text not null,
  reason text not null,
  engaged_by text not null,
  engaged_at timestamptz not null default now(),
  released_by text,
  released_at timestamptz,
  constraint kill_switches_target_check check ((scope = 'everything') = (target = '')),
  constraint kill_switches_released_check check ((released_by is null) = (released_at is null))
);
create unique index kill_switches_engaged_idx on kill_switches (scope, target) where released_at is null;
comment on column kill_switches.target is 'an account''s or a version''s id; empty for everything';
comment on column kill_switches.reason is 'which those who are concerned may read';

-- Asks as many instances to stop as there are `ids`, each with its history and its event under one of these, and returns
-- how many it found. `of_owner` and `of_version` narrow it down; without either it is everybody's.
create function stop_instances(
  ids text[], of_owner text, of_version text, reason text, message text, next text, seconds integer, actor text,
  traceparent text, correlationid text, causationid text
) returns integer language plpgsql security definer set search_path = public, pg_temp as $$
declare
  stopped integer := 0;
  instance record;
begin
  for instance in
    with concerned as (
      select instances.id from instances
      where desired_state = 'running' and (of_owner is null or owner_id = of_owner)
        and (of_version is null or instances.id in (
          select wants.id from instances as wants where wants.version_id = of_version
          union all
          select instance_id from instance_specs where instance_specs.version_id = of_version
        ))
      order by instances.id limit cardinality(ids) for update
    )
    update instances
    set desired_state = 'stopped', reason = stop_instances.reason, message = stop_instances.message,
      next = stop_instances.next, deadline_at = now() + make_interval(secs => seconds), due_at = now(), attempts = 0,
      updated_at = now(), row_version = row_version + 1
    from concerned where instances.id = concerned.id
    returning instances.id, instances.owner_id
  loop
    stopped := stopped + 1;
    perform emit_event(
      type => 'com.botberi.instance.desired_state_changed.v1', subject => instance.id, id => ids[stopped],
      data => jsonb_build_object('instance_id', instance.id, 'owner_id', instance.owner_id,
                                 'desired_state', 'stopped', 'reason', stop_instances.reason),
      traceparent => stop_instances.traceparent, correlationid => stop_instances.correlationid,
      causationid => stop_instances.causationid, actor => stop_instances.actor);
    insert into instance_events (id, sequence, instance_id, kind, previous, value, reason, actor, message, next)
    values (ids[stopped], last_sequence(), instance.id, 'desired_state', 'running', 'stopped', stop_instances.reason,
            stop_instances.actor, stop_instances.message, stop_instances.next);
  end loop;
  return stopped;
end $$;
