-- Drops all that is not the event path, with whatever is in it; but not events that the dispatcher keeps, of which
-- nothing else knows: it has to empty the retry store first.
do $$ begin
  if exists (select from deferred_events) then
    raise exception 'events wait in the retry store: let the dispatcher empty it first';
  end if;
end $$;
drop function instance_statistics, remember_revoked, publisher_of, defer_events, settle_deferred_events, fire_schedule,
  forget_slots, ingest_events;
drop table cron_slots, deferred_events, deferred_subjects, publisher_keys, publishers, revoked_sessions, audit,
  instance_events, instances, channels, agent_versions, bundles, agents;
