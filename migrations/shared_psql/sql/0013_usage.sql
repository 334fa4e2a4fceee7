-- What the runs of an instance have used, by day.

create table run_usage (
  owner_id text not null,
  day date not null,
  instance_id text not null references instances (id),
  runs bigint not null default 0,
  wall_ms bigint not null default 0,
  processor_ms bigint not null default 0,
  cost numeric not null default 0,
  reported jsonb not null default '{}',
  primary key (owner_id, day, instance_id)
);
create index run_usage_instance_id_day_idx on run_usage (instance_id, day);
create index run_usage_day_idx on run_usage (day);
comment on column run_usage.day is 'in UTC, on which they ended';
comment on column run_usage.runs is 'that ended, and whose agent was called';
comment on column run_usage.reported is 'sums of other numbers, by their names';

-- The cost that a run reports; none is zero.
create function reported_cost(usage jsonb) returns numeric language sql immutable as $$
  select case when usage->>'cost' ~ '^[0-9]{1,40}([.][0-9]{1,40})?([eE][-+]?[0-9]{1,2})?$'
    then trim_scale(round((usage->>'cost')::numeric, 12)) else 0 end
$$;

-- The numbers of both by their names, added up. Of more than a hundred names those stay that the first has.
create function added_numbers(jsonb, jsonb) returns jsonb language sql immutable as $$
  select coalesce(jsonb_object_agg(name, total), '{}') from (
    select key as name, trim_scale(sum(round((value#>>'{}')::numeric, 12))) as total
    from (select *, 1 as place from jsonb_each($1) union all select *, 2 from jsonb_each($2)) as each
    where jsonb_typeof(value) = 'number'
    group by key order by min(place), key limit 100
  ) as sums
$$;

-- Sums of days older than so many, 31 at least.
create function forget_run_usage(row_limit integer, days integer) returns integer language plpgsql security definer
set search_path = public, pg_temp as $$
declare
  forgotten integer;
begin
  delete from run_usage where ctid in (
    select ctid from run_usage where day < (now() at time zone 'utc')::date - greatest(days, 31) limit row_limit);
  get diagnostics forgotten = row_count;
  return forgotten;
end $$;

grant select on run_usage to botberi_user, botberi_admin, botberi_runner;
grant insert, update (runs, wall_ms, processor_ms, cost, reported) on run_usage to botberi_user, botberi_runner;
revoke all on function forget_run_usage from public;
grant execute on function forget_run_usage to botberi_subscribers;
