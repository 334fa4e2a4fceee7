-- Drops all that is not the event path, with whatever is in it; but not events that the dispatcher keeps, of which
-- nothing else knows: it has to empty the shelf first.
do $$ begin
  if exists (select from shelved_events) then
    raise exception 'events wait on the shelf: let the dispatcher empty it first';
  end if;
end $$;
drop function instance_statistics, remember_revoked, publisher_of, shelve, unshelve, fire_schedule, forget_slots,
  take_in_events;
drop table cron_slots, shelved_events, shelved_subjects, publisher_keys, publishers, revoked_sessions, audit,
  instance_events, instances, channels, agent_versions, bundles, agents;
