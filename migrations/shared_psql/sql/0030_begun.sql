-- A run that begins, with its first event and the CloudEvent that it is there; nothing where there is one with its key.
-- In a function for the same reason as what is asked before it: to plan this takes as long as to run it.
create function begin_run(
  run jsonb, patience double precision, first jsonb,
  event_type text, event_subject text, event_data jsonb, event_id text, event_traceparent text,
  event_correlationid text, event_causationid text, event_actor text
) returns setof runs language plpgsql
  set search_path = public, pg_temp set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
  return query
  with begun as (
    insert into runs (
      id, conversation_id, position, instance_id, owner_id, protocol, client_key, fingerprint, message_id, message,
      reason, explanation, retries, seconds, traceparent, last_sequence, deadline_at
    )
    select told.*, clock_timestamp() + make_interval(secs => patience)
    from jsonb_to_record(run) as told(
      id text, conversation_id text, position integer, instance_id text, owner_id text, protocol text, client_key text,
      fingerprint text, message_id text, message jsonb, reason text, explanation text, retries integer, seconds integer,
      traceparent text, last_sequence bigint
    )
    on conflict (instance_id, client_key) do nothing
    returning *
  ), added as (
    insert into run_events (run_id, sequence, at, type, data)
    select begun.id, told.sequence, told.at, told.type, told.data
    from begun cross join jsonb_to_record(first) as told(sequence bigint, at timestamptz, type text, data jsonb)
  )
  select begun.* from begun
  where emit_event(
    type => event_type, subject => event_subject, data => event_data, id => event_id, traceparent => event_traceparent,
    correlationid => event_correlationid, causationid => event_causationid, actor => event_actor) is not null;
end $$;
revoke all on function begin_run from public;
grant execute on function begin_run to botberi_user;
