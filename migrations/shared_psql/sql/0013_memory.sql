-- What agents keep for their instances, and how many bytes that is.

create table agent_memory (
  instance_id text not null references instances (id),
  key text collate "C" not null,
  value jsonb not null,
  bytes integer not null,
  row_version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (instance_id, key)
);
comment on column agent_memory.bytes is 'that it counts';

create table agent_memory_usage (
  instance_id text primary key references instances (id),
  owner_id text not null,
  bytes bigint not null default 0
);
create index agent_memory_usage_owner_id_idx on agent_memory_usage (owner_id);
comment on column agent_memory_usage.bytes is 'of all that is kept for the instance';

grant select, insert, delete on agent_memory to botberi_user, botberi_subscribers;
grant update (value, bytes, row_version, updated_at) on agent_memory to botberi_user, botberi_subscribers;
grant select, insert, update (bytes) on agent_memory_usage to botberi_user, botberi_subscribers, botberi_worker;
grant select on agent_memory_usage to botberi_admin;
grant select, delete on agent_memory to botberi_worker;
