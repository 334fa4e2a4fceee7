-- Instances by status and desired state, versions by status, and runs as they end, by day.

create function count_instance() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if tg_op <> 'INSERT' then
    perform note_count(array['instances.status.' || old.status, 'instances.desired.' || old.desired_state], '{-1,-1}');
  end if;
  if tg_op <> 'DELETE' then
    perform note_count(array['instances.status.' || new.status, 'instances.desired.' || new.desired_state], '{1,1}');
  end if;
  return null;
end $$;

create function count_version() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if tg_op <> 'INSERT' then
    perform note_count(array['versions.' || old.status], '{-1}');
  end if;
  if tg_op <> 'DELETE' then
    perform note_count(array['versions.' || new.status], '{1}');
  end if;
  return null;
end $$;

create function count_ended_run() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
declare
  today text := (now() at time zone 'utc')::date;
begin
  perform note_count(array['runs.' || today || '.' || new.status, 'cost.' || today],
                     array[1, case when new.attempt > 0 then reported_cost(new.usage) else 0 end]);
  return null;
end $$;

-- Nobody writes between what is counted here and the first that is noted.
lock table instances, agent_versions, runs in share row exclusive mode;
insert into counts (counter, value)
select 'instances.status.' || status, count(*) from instances group by status
union all select 'instances.desired.' || desired_state, count(*) from instances group by desired_state
union all select 'versions.' || status, count(*) from agent_versions group by status
union all
select 'runs.' || (ended_at at time zone 'utc')::date || '.' || status, count(*) from runs
where ended_at >= date_trunc('day', now() at time zone 'utc') at time zone 'utc' group by 1
union all
select 'cost.' || (ended_at at time zone 'utc')::date, sum(reported_cost(usage)) from runs
where ended_at >= date_trunc('day', now() at time zone 'utc') at time zone 'utc' and attempt > 0 group by 1;

create trigger instances_count after insert or delete on instances for each row execute function count_instance();
create trigger instances_recount after update of status, desired_state on instances for each row
when (old.status <> new.status or old.desired_state <> new.desired_state) execute function count_instance();
create trigger agent_versions_count after insert or delete on agent_versions
for each row execute function count_version();
create trigger agent_versions_recount after update of status on agent_versions for each row
when (old.status <> new.status) execute function count_version();
create trigger runs_count after update of status on runs for each row
when (old.ended_at is null and new.ended_at is not null) execute function count_ended_run();

revoke all on function count_instance, count_version, count_ended_run from public;
