-- What one of the staff has asked for, and another has to approve before it is done.

create table approvals (
  id text primary key,
  action text not null,
  arguments jsonb not null,
  target text not null,
  reason text not null,
  requested_by text not null,
  requested_at timestamptz not null default now(),
  expires_at timestamptz not null,
  decision text constraint approvals_decision_check check (decision in ('approved', 'rejected')),
  decided_by text,
  decided_at timestamptz,
  decision_reason text,
  constraint approvals_decided_check check
    ((decision is null) = (decided_by is null) and (decision is null) = (decided_at is null)),
  constraint approvals_two_check check (decision is distinct from 'approved' or decided_by <> requested_by)
);
create index approvals_waiting_idx on approvals (id) where decision is null;
comment on column approvals.action is 'the name of the endpoint that was asked';
comment on column approvals.arguments is 'what it was asked for';
comment on column approvals.target is 'what it is about, for people';

grant select, insert (id, action, arguments, target, reason, requested_by, expires_at),
      update (decision, decided_by, decided_at, decision_reason) on approvals to botberi_admin;
grant insert (id, action, arguments, target, reason, requested_by, expires_at), select on approvals to botberi_broker;
