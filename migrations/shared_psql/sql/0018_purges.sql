-- Accounts that were purged in user_psql: nothing of them is to be left here.

create table account_purges (
  account_id text primary key,
  purged_at timestamptz not null default now()
);
comment on table account_purges is 'accounts of which nothing is to be left; kept for a while, since events may be late';

-- Asks for the instances of an account that was purged to be deleted, as their owner would.
create function delete_purged_instances(ids text[], account text, reason text, message text, next text, seconds integer,
                                        actor text, traceparent text, correlationid text, causationid text)
returns integer language plpgsql security definer set search_path = public, pg_temp as $$
declare
  asked integer := 0;
  instance record;
begin
  for instance in
    with concerned as (
      select instances.id, desired_state as previous from instances
      where desired_state <> 'deleted' and owner_id = account
        and exists (select from account_purges where account_id = account)
      order by instances.id limit cardinality(ids) for update
    )
    update instances
    set desired_state = 'deleted', reason = delete_purged_instances.reason, message = delete_purged_instances.message,
      next = delete_purged_instances.next, deadline_at = now() + make_interval(secs => seconds), due_at = now(),
      attempts = 0, updated_at = now(), row_version = row_version + 1
    from concerned where instances.id = concerned.id
    returning instances.id, instances.owner_id, concerned.previous
  loop
    asked := asked + 1;
    perform emit_event(
      type => 'com.botberi.instance.desired_state_changed.v1', subject => instance.id, id => ids[asked],
      data => jsonb_build_object('instance_id', instance.id, 'owner_id', instance.owner_id,
                                 'desired_state', 'deleted', 'reason', delete_purged_instances.reason),
      traceparent => delete_purged_instances.traceparent, correlationid => delete_purged_instances.correlationid,
      causationid => delete_purged_instances.causationid, actor => delete_purged_instances.actor);
    insert into instance_events (id, sequence, instance_id, kind, previous, value, reason, actor, message, next)
    values (ids[asked], last_sequence(), instance.id, 'desired_state', instance.previous, 'deleted',
            delete_purged_instances.reason, delete_purged_instances.actor, delete_purged_instances.message,
            delete_purged_instances.next);
  end loop;
  return asked;
end $$;

-- Deletes what belongs to an account that was purged: rows that name it, and those of its instances that are deleted and
-- whose runs have ended. Of runs and of instances as many as `row_limit`; tells whether there are instances left for
-- the next time.
create function purge_account(account text, row_limit integer) returns boolean language plpgsql security definer
set search_path = public, pg_temp as $$
declare
  old text[];
  gone text[];
  belonging record;
begin
  if not exists (select from account_purges where account_id = account) then
    return false;
  end if;
  select array_agg(id) into old from (
    select runs.id from runs join instances on instances.id = instance_id
    where instances.owner_id = account and instances.status = 'deleted' and ended_at is not null limit row_limit
  ) as found;
  delete from run_events where run_id = any (old);
  delete from runs where id = any (old);
  select array_agg(id) into gone from (
    select id from instances
    where owner_id = account and status = 'deleted'
      and not exists (select from runs where instance_id = instances.id)
    order by id limit row_limit for update
  ) as found;
  -- Rows belong to an instance by its id, whether or not there is a foreign key, so that a table that is added later is
  -- no exception.
  for belonging in
    select attrelid::regclass as child from pg_attribute join pg_class on pg_class.oid = attrelid
    where attname = 'instance_id' and not attisdropped and relkind in ('r', 'p') and not relispartition
      and relnamespace = 'public'::regnamespace and attrelid <> 'runs'::regclass
  loop
    execute format('delete from %s where instance_id = any ($1)', belonging.child) using gone;
  end loop;
  delete from instances where id = any (gone);
  delete from account_events where owner_id = account;
  delete from account_feeds where owner_id = account;
  delete from account_limits where account_id = account;
  delete from api_keys where account_id = account;
  delete from budgets where owner_id = account and instance_id is null;
  delete from idempotency_keys where caller = account;
  delete from verified_accounts where account_id = account;
  return exists (select from instances where owner_id = account);
end $$;

create function forget_account_purges(row_limit integer) returns integer language sql security definer
set search_path = public, pg_temp as $$
  with old as (
    delete from account_purges where account_id in (
      select account_id from account_purges
      where purged_at < now() - interval '45 days'
        and not exists (select from instances where owner_id = account_id) limit row_limit)
    returning 1
  ) select count(*)::integer from old
$$;

revoke all on function delete_purged_instances, purge_account, forget_account_purges from public;
grant select, insert (account_id) on account_purges to botberi_subscribers;
grant execute on function delete_purged_instances, purge_account, forget_account_purges to botberi_subscribers;
