-- Has `claimer` take up to `most` runs whose turn it is, for so many seconds, and returns them as they are then. Its plan
-- is made once in a session, which takes several times as long as to run it.
create function claim_runs(
  claimer text, most integer, lease_seconds double precision, most_of_owner integer, most_of_instance integer
) returns setof runs language plpgsql set search_path = public, pg_temp set plan_cache_mode = force_generic_plan as $$
begin
  -- One claims at a time, so that two who count the same can't go beyond a bound together.
  perform pg_advisory_xact_lock(hashtextextended('runs are claimed', 0));
  -- Owners are found one after the other by the index, however many runs each has. Of each as many are looked at as may
  -- be at work; of a conversation the first that hasn't ended. Whoever has least at work comes first.
  return query
  with recursive owners as (
    (select owner_id from runs where status = 'queued' order by owner_id limit 1)
    union all
    select (select next.owner_id from runs as next
            where next.status = 'queued' and next.owner_id > owners.owner_id order by next.owner_id limit 1)
    from owners where owners.owner_id is not null
  ), at_work as (
    select owner_id, instance_id, count(*) as number from runs where lease_owner is not null group by 1, 2
  ), of_owners as (
    select owner_id, sum(number) as number from at_work group by 1
  ), candidates as (
    select waiting.id,
      row_number() over (partition by waiting.owner_id order by waiting.id) + coalesce(of_owners.number, 0) as turn,
      row_number() over (partition by waiting.instance_id order by waiting.id) + coalesce(at_work.number, 0)
        as instance_turn
    from owners
    cross join lateral (
      select id, owner_id, instance_id from runs
      where status = 'queued' and owner_id = owners.owner_id and lease_owner is null and due_at <= clock_timestamp()
        and not exists (
          select from runs as earlier
          where earlier.conversation_id = runs.conversation_id and earlier.position < runs.position
            and earlier.status in ('queued', 'running', 'input_required'))
        and not exists (
          select from at_work where at_work.instance_id = runs.instance_id and at_work.number >= most_of_instance)
      order by id limit most_of_owner
    ) as waiting
    left join of_owners on of_owners.owner_id = waiting.owner_id
    left join at_work on at_work.instance_id = waiting.instance_id
  ), chosen as (
    select id from candidates where turn <= most_of_owner and instance_turn <= most_of_instance
    order by turn, id limit most
  )
  update runs
  set lease_owner = claimer, lease_expires_at = clock_timestamp() + make_interval(secs => lease_seconds),
    lease_token = greatest(lease_token + 1, (extract(epoch from clock_timestamp()) * 1000000)::bigint),
    attempt = attempt + 1
  from chosen where runs.id = chosen.id and runs.status = 'queued' and runs.lease_owner is null
  returning runs.*;
end $$;

revoke all on function claim_runs from public;
grant execute on function claim_runs to botberi_runner;
