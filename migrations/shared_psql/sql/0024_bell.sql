-- Runners listen to the channel `runs`: what is notified there is there for them to do.
create function ring_runners() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  perform pg_notify('runs', tg_argv[0]);
  return null;
end $$;

create trigger rings_to_claim after insert or update of status on runs
for each row when (new.status = 'queued') execute function ring_runners('claim');

create trigger rings_to_cancel after update of cancel_reason on runs
for each row when (new.cancel_reason is not null and new.lease_owner is not null) execute function ring_runners('cancel');

create trigger rings_to_cancel after update of desired_state on instances
for each row when (new.desired_state <> old.desired_state and new.desired_state <> 'running')
execute function ring_runners('cancel');

revoke all on function ring_runners from public;
