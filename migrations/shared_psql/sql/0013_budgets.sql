-- Budgets: what an account's or an instance's runs may be and cost in a day or a month, and what that has come to.

create table budgets (
  id text primary key,
  owner_id text not null,
  instance_id text references instances (id),
  set_by text not null constraint budgets_set_by_check check (set_by in ('owner', 'administrator')),
  period text not null constraint budgets_period_check check (period in ('day', 'month')),
  runs bigint,
  cost numeric,
  cost_per_run numeric,
  begins date not null,
  count integer not null default 1,
  spent_runs bigint not null default 0,
  spent_cost numeric not null default 0,
  reserved_runs bigint not null default 0,
  reserved_cost numeric not null default 0,
  nearly_spent boolean not null default false,
  row_version integer not null default 1,
  updated_at timestamptz not null default now(),
  unique nulls not distinct (owner_id, instance_id, set_by),
  constraint budgets_cost_check check ((cost is null) = (cost_per_run is null)),
  constraint budgets_scope_check check (instance_id is null or set_by = 'owner')
);
create index budgets_instance_id_idx on budgets (instance_id);
comment on column budgets.instance_id is 'null for that of the whole account';
comment on column budgets.runs is 'how many there may be; null for no limit';
comment on column budgets.cost is 'what they may cost together; null for no limit';
comment on column budgets.cost_per_run is 'what is reserved for a run until it ends';
comment on column budgets.begins is 'the first day, in UTC, of what is counted';
comment on column budgets.count is 'grows whenever counting begins anew';
comment on column budgets.nearly_spent is 'whether it was told so';

grant select, insert on budgets to botberi_user, botberi_admin;
grant update (period, runs, cost, cost_per_run, begins, count, spent_runs, spent_cost, reserved_runs, reserved_cost,
              nearly_spent, row_version, updated_at) on budgets to botberi_user, botberi_admin;
grant select on budgets to botberi_runner;
grant update (spent_runs, spent_cost, reserved_runs, reserved_cost, nearly_spent) on budgets to botberi_runner;
grant select, delete on budgets to botberi_worker;
