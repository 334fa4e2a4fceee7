-- Generations: what an instance consists of may change while it runs.

-- `generation` counts up whenever version, config or limits are others than before, and `observed_generation` follows
-- once the worker has seen the new one answer. A release that knows nothing of them leaves both as they are.
alter table instances
  add column limits jsonb not null default '{}',
  add column labels jsonb not null default '{}',
  add column generation integer not null default 1,
  add column observed_generation integer;
comment on column instances.limits is 'those of its own, below the installation''s';
comment on column instances.generation is 'counts what it shall consist of';
comment on column instances.observed_generation is 'the one that serves; null before it has run for the first time';

create index instances_present_idx on instances (owner_id, id) where status <> 'deleted';
create index instances_agent_id_id_idx on instances (agent_id, id);
create index instances_version_id_id_idx on instances (version_id, id);
create index instances_status_id_idx on instances (status, id);
create index instances_labels_idx on instances using gin (labels jsonb_path_ops);

comment on column instance_events.kind is '`desired_state`, `status` or `generation`: which of them changed';

-- The generations that are still of use: the one that is wanted, which stands in `instances` too, and back to the one
-- that serves. What came before is forgotten, with its secrets.
create table instance_specs (
  instance_id text not null references instances (id),
  generation integer not null,
  version_id text not null references agent_versions (id),
  config json not null,
  secret_places text[] not null,
  limits jsonb not null,
  created_at timestamptz not null default now(),
  primary key (instance_id, generation)
);
create index instance_specs_version_id_idx on instance_specs (version_id);

update instances set observed_generation = 1 where status = 'running';
insert into instance_specs (instance_id, generation, version_id, config, secret_places, limits, created_at)
select id, generation, version_id, config, secret_places, limits, created_at from instances where status <> 'deleted';

-- Makes the generation that serves the wanted one again, as a new generation, and returns its number; null where none
-- has served yet. The worker may go back to what somebody wanted before, and may not choose anything else.
create function roll_back_instance(instance text) returns integer language sql security definer
set search_path = public, pg_temp as $$
  with back as (
    update instances
    set version_id = good.version_id, config = good.config, secret_places = good.secret_places, limits = good.limits,
      generation = instances.generation + 1, observed_generation = instances.generation + 1
    from instance_specs as good
    where instances.id = instance and good.instance_id = instance
      and good.generation = instances.observed_generation and good.generation < instances.generation
    returning instances.id, instances.generation, instances.version_id, instances.config, instances.secret_places,
      instances.limits
  )
  insert into instance_specs (instance_id, generation, version_id, config, secret_places, limits)
  select id, generation, version_id, config, secret_places, limits from back
  returning generation
$$;
