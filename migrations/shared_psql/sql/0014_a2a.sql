-- A2A: cards that anybody may read, and notifications about tasks.

alter table instances add column discoverable boolean not null default false;
comment on column instances.discoverable is 'whether its card is read without a token';
grant update (discoverable) on instances to botberi_user;

alter table runs add column notifies boolean not null default false;
comment on column runs.notifies is 'whether somebody is to be notified of its statuses';
grant update (notifies) on runs to botberi_user;

create table push_configs (
  run_id text collate "C" not null references runs (id) on delete cascade,
  id text not null,
  url text not null,
  sealed bytea,
  notified_sequence bigint not null default 0,
  created_at timestamptz not null default now(),
  primary key (run_id, id)
);
comment on table push_configs is 'where notifications about runs go';
comment on column push_configs.sealed is 'how they authenticate themselves there, encrypted; null if they don''t';
comment on column push_configs.notified_sequence is 'the number of the last event of the run that was told there';
grant select, insert, delete on push_configs to botberi_user;
grant update (url, sealed) on push_configs to botberi_user;
grant select on conversations, runs, run_events, push_configs to botberi_subscribers;
grant update (notified_sequence) on push_configs to botberi_subscribers;
