revoke select (run_id, subject) on push_configs from botberi_admin;
revoke insert, update (runs, wall_ms, processor_ms, cost, reported) on run_usage from botberi_admin;
revoke update (status, reason, explanation, status_at, deadline_at, reply, reply_sequence, reservation, cancel_reason,
               cancelled_by, last_sequence, ended_at) on runs from botberi_admin;
revoke insert on run_events from botberi_admin;
revoke select (version_id, deployed_at) on version_deployments from botberi_admin;
revoke select (account_id) on verified_accounts from botberi_admin;
revoke insert on instance_specs from botberi_admin;
revoke update (generation) on instances from botberi_admin;
drop index runs_version_id_id_idx, runs_unsuccessful_idx, runs_awaiting_input_idx;
alter table budgets drop column exhausted;
alter table instances drop column quarantined_at, drop column quarantined_by, drop column quarantine_reason;
drop index instances_failing_idx, instances_deadline_at_idx;
comment on column instance_events.kind is '`desired_state`, `status` or `generation`: which of them changed';
