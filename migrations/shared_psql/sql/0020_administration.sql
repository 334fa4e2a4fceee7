-- What administrators look for among instances and runs, and instances that they set apart.

alter table instances
  add column quarantined_at timestamptz,
  add column quarantined_by text,
  add column quarantine_reason text,
  add constraint instances_quarantine_check
    check (num_nulls(quarantined_at, quarantined_by, quarantine_reason) in (0, 3));
comment on column instances.quarantined_at is 'since when nobody may start it; null for one that isn''t set apart';
comment on column instances.quarantine_reason is 'which its owner may read';
comment on column instance_events.kind is
  'what changed: `desired_state`, `status`, `generation`, `quarantine`; or `reconciliation`';

create index instances_deadline_at_idx on instances (deadline_at) where deadline_at is not null;
create index instances_failing_idx on instances (id) where attempts > 0;
create index instances_quarantined_idx on instances (id) where quarantined_at is not null;

-- A column of its own: what an index has as its condition is looked at with every change of the row, and these sums
-- change with every run.
alter table budgets add column exhausted boolean generated always as (
  runs is not null and spent_runs + reserved_runs >= runs
  or cost is not null and spent_cost + reserved_cost + cost_per_run > cost) stored;
comment on column budgets.exhausted is 'whether it has no room for another run, until it is counted anew';
create index budgets_exhausted_idx on budgets (owner_id) where exhausted;

create index runs_awaiting_input_idx on runs (instance_id) where status = 'input_required';
create index runs_unsuccessful_idx on runs (status, id) where status in ('failed', 'cancelled');
create index runs_version_id_id_idx on runs (version_id, id);

grant update (quarantined_at, quarantined_by, quarantine_reason, generation) on instances to botberi_admin;
-- To start one anew is to want the same once more, as its next generation.
grant insert on instance_specs to botberi_admin;
grant select (account_id) on verified_accounts to botberi_admin;
grant select (version_id, deployed_at) on version_deployments to botberi_admin;
-- To cancel a run that waits is to end it, as its owner would.
grant insert on run_events to botberi_admin;
grant update (status, reason, explanation, status_at, deadline_at, reply, reply_sequence, reservation, cancel_reason,
              cancelled_by, last_sequence, ended_at) on runs to botberi_admin;
grant insert, update (runs, wall_ms, processor_ms, cost, reported) on run_usage to botberi_admin;
grant select (run_id, subject) on push_configs to botberi_admin;
