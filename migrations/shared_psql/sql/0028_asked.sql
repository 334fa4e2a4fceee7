-- What each message asks for, in functions: their statements are planned once in a session, which takes several times as
-- long as to run them, and a pooler whose clients prepare nothing may sit in between.

create function session_is_revoked(session text) returns boolean language plpgsql stable
  set search_path = public, pg_temp set plan_cache_mode = force_generic_plan as $$
begin
  return exists (select from revoked_sessions where session_id = session);
end $$;
revoke all on function session_is_revoked from public;
grant execute on function session_is_revoked to botberi_user, botberi_admin, botberi_broker;

-- Why an instance is not to run, by the first switch that is engaged and concerns it: null where none does. While it is
-- being changed, both what serves and what shall serve count. One that is about to be created has no id.
create function kill_switch_reason(of_instance text, of_owner text, of_version text) returns text language plpgsql stable
  security definer set search_path = public, pg_temp set plan_cache_mode = force_generic_plan as $$
begin
  return (
    select reason from kill_switches
    where released_at is null
      and (scope = 'everything'
        or (scope in ('owner', 'suspension') and target = of_owner)
        or (scope = 'version' and (target = of_version
          or target in (select version_id from instance_specs where instance_id = of_instance))))
    order by id limit 1
  );
end $$;
revoke all on function kill_switch_reason from public;
grant execute on function kill_switch_reason
  to botberi_user, botberi_admin, botberi_subscribers, botberi_worker, botberi_runner;

-- All that decides on a message to an instance. Who asks at the same moment isn't counted: a few more runs may come in.
-- The lock waits for whoever is about to stop or delete the instance, and not for workers: once that is wanted, nothing
-- is accepted, and what was accepted before is found by whoever cancels.
create function instance_to_ask(asked text, asking text)
  returns table (
    desired_state text, status text, message text, retries integer, budgeted boolean, kill_switch text,
    open_of_instance bigint, waiting_of_owner bigint
  ) language plpgsql set search_path = public, pg_temp set plan_cache_mode = force_generic_plan as $$
begin
  return query
  select instances.desired_state, instances.status, instances.message,
    coalesce((
      select agent_versions.retries from instance_specs
      join agent_versions on agent_versions.id = instance_specs.version_id
      where instance_specs.instance_id = instances.id and instance_specs.generation = instances.observed_generation), 0),
    exists (
      select from budgets
      where budgets.owner_id = instances.owner_id
        and (budgets.instance_id is null or budgets.instance_id = instances.id)
        and (budgets.runs is not null or budgets.cost is not null)),
    kill_switch_reason(instances.id, instances.owner_id, instances.version_id),
    (select count(*) from runs
     where runs.instance_id = instances.id and runs.status in ('queued', 'running', 'input_required')),
    (select count(*) from runs where runs.owner_id = instances.owner_id and runs.status = 'queued')
  from instances
  where instances.id = asked and instances.owner_id = asking and instances.status <> 'deleted'
  for key share of instances;
end $$;
revoke all on function instance_to_ask from public;
grant execute on function instance_to_ask to botberi_user;
