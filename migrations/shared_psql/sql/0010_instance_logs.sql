-- What agents write: the lines, and for each instance how many there are.

-- Numbered by instance_log_usage, whose row whoever adds lines has locked: so of one instance the numbers have no gaps,
-- and one is seen only when all below it are. No reference to instances: it would lock a row of theirs for each line.
create table instance_logs (
  instance_id text not null,
  sequence bigint not null,
  at timestamptz not null,
  stream text not null
    constraint instance_logs_stream_check check (stream in ('stdout', 'stderr', 'platform')),
  level text not null
    constraint instance_logs_level_check check (level in ('debug', 'info', 'warning', 'error', 'critical')),
  message_id text,
  text text not null,
  primary key (instance_id, sequence)
);
create index instance_logs_at_idx on instance_logs (at);
comment on column instance_logs.at is 'when the host read it';
comment on column instance_logs.stream is '`platform` for what the agent hasn''t written itself';
comment on column instance_logs.message_id is 'the message that was being answered; null between messages, and among several';

create table instance_log_usage (
  instance_id text primary key references instances (id),
  owner_id text not null,
  sequence bigint not null default 0,
  bytes bigint not null default 0,
  day date not null,
  day_bytes bigint not null default 0,
  capped text
    constraint instance_log_usage_capped_check check (capped in ('day', 'account')),
  dropped bigint not null default 0
);
create index instance_log_usage_owner_id_idx on instance_log_usage (owner_id);
comment on column instance_log_usage.sequence is 'the number of the last line';
comment on column instance_log_usage.bytes is 'of the lines that are kept';
comment on column instance_log_usage.day is 'in UTC, on which the last line was written';
comment on column instance_log_usage.day_bytes is 'of the lines of that day';
comment on column instance_log_usage.capped is 'which cap was reached, and said so; null since a line was kept again';
comment on column instance_log_usage.dropped is 'lines that were dropped since';

create table agent_log_sources (
  source text primary key,
  batch bigint not null,
  received timestamptz not null default now()
);
comment on table agent_log_sources is 'agent hosts, each start of one on its own';
comment on column agent_log_sources.batch is 'the last batch of lines that was taken from it';

-- Lines that are older than so many days, one at least, and of instances that are deleted.
create function forget_instance_logs(row_limit integer, days integer) returns integer language sql security definer
set search_path = public, pg_temp as $$
  with old as (
    (select instance_id, sequence from instance_logs
     where at < now() - make_interval(days => greatest(days, 1)) limit row_limit)
    union
    (select instance_id, sequence from instance_logs join instances on id = instance_id
     where status = 'deleted' limit row_limit)
  ), gone as (
    delete from instance_logs using old
    where instance_logs.instance_id = old.instance_id and instance_logs.sequence = old.sequence
    returning instance_logs.instance_id, octet_length(text) + 64 as bytes
  ), freed as (
    update instance_log_usage as usage set bytes = greatest(usage.bytes - sums.bytes, 0)
    from (select instance_id, sum(bytes) as bytes from gone group by instance_id) as sums
    where usage.instance_id = sums.instance_id
  ) select least(count(*), row_limit)::integer from gone
$$;

-- A host that is silent for so long has no batch under way.
create function forget_agent_log_sources(row_limit integer) returns integer language sql security definer
set search_path = public, pg_temp as $$
  with old as (
    delete from agent_log_sources where source in (
      select source from agent_log_sources where received < now() - interval '45 days' limit row_limit)
    returning 1
  ) select count(*)::integer from old
$$;

grant select on instance_logs, instance_log_usage to botberi_user, botberi_admin;
grant insert on instance_logs to botberi_subscribers;
grant select, insert, update (sequence, bytes, day, day_bytes, capped, dropped) on instance_log_usage
  to botberi_subscribers;
grant select, insert, update (batch, received) on agent_log_sources to botberi_subscribers;
grant select (id, owner_id, status) on instances to botberi_subscribers;
grant select on account_limits to botberi_subscribers;
grant select, delete on instance_logs to botberi_worker;
grant select, insert, update (bytes) on instance_log_usage to botberi_worker;
revoke all on function forget_instance_logs, forget_agent_log_sources from public;
grant execute on function forget_instance_logs, forget_agent_log_sources to botberi_subscribers;
