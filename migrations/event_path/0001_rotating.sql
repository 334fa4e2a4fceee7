-- Making and dropping the partitions of the outbox, and forgetting what can't come again.

-- Keeps two empty partitions ahead, and drops those whose events are all delivered and older than `keep`. The lock
-- waits for writers with a number of the partition; only then can it be seen that nothing undelivered is left. It waits
-- for 200 ms at most, because whoever writes next waits behind it.
--
-- More events than the partitions ahead hold may come between two looks, or while no relay runs: they lie in the
-- default partition. No other can be made then for their numbers, only for those that follow; they stay there until
-- all are delivered and old.
--
-- A body goes a month after its event may, and never while the event is parked or a dead letter that is open.
create function rotate_outbox(keep interval) returns integer language plpgsql security definer
set search_path = public, pg_temp as $$
declare
  size constant bigint := 250000;
  newest bigint;
  part record;
  stale boolean;
  dropped integer := 0;
begin
  perform set_config('lock_timeout', '200ms', true);
  select coalesce(pg_sequence_last_value(pg_get_serial_sequence('outbox', 'seq')::regclass), 0) / size into newest;
  for number in newest .. newest + 2 loop
    continue when to_regclass('outbox_p' || number) is not null
      or exists (select from outbox_default where seq >= number * size and seq < (number + 1) * size);
    execute format('create table outbox_p%s partition of outbox for values from (%s) to (%s)',
                   number, number * size, (number + 1) * size);
  end loop;
  for part in
    select relname, relname = 'outbox_default' as is_default from pg_class
    where relkind = 'r' and (relname ~ '^outbox_p[0-9]+$' and substr(relname, 9)::bigint < newest
                             or relname = 'outbox_default' and pg_relation_size(oid) > 0)
    order by 1
  loop
    execute format('select coalesce(max(created) < now() - $1, true) from %I', part.relname) into stale using keep;
    continue when not stale;
    execute format('lock table only %I in access exclusive mode', part.relname);
    execute format('select not exists (select from %I, relay_cursor where not pg_visible_in_snapshot(xid, s1))'
                   ' and coalesce((select max(created) < now() - $1 from %1$I), true)', part.relname)
      into stale using keep;
    continue when not stale;
    execute format(case when part.is_default then 'truncate %I' else 'drop table %I' end, part.relname);
    dropped := dropped + 1;
  end loop;
  delete from outbox_bodies as body where created < now() - keep - interval '30 days'
    and not exists (
      select from parked_events as parked where parked.resolution is null
        and (coalesce(parked.record->>'source', event_source()), parked.id) = (body.source, body.id))
    and not exists (
      select from dead_letters as dead where dead.resolution is null
        and (dead.source, dead.event_id) = (body.source, body.id));
  return dropped;
end $$;
select rotate_outbox('7 days');

-- After a restore: what follows `after_seq` counts as undelivered, in this cluster's own transaction numbers. What is
-- older gets a number that the new cursor's snapshot shows, what is newer that of this transaction, which it doesn't.
create function rebase_relay(after_seq bigint) returns bigint language plpgsql security definer
set search_path = public, pg_temp as $$
declare
  waiting bigint;
begin
  update outbox set xid = '3' where seq <= after_seq;
  update outbox set xid = pg_current_xact_id() where seq > after_seq;
  get diagnostics waiting = row_count;
  update relay_cursor set
    s1 = '4:4:', s2 = '4:4:', last_seq = 0, epoch = epoch + 1, updated = now(),
    system_identifier = (pg_control_system()).system_identifier,
    timeline = substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8);
  return waiting;
end $$;

-- A request is repeated within minutes.
create function forget_idempotency_keys(row_limit integer) returns integer language sql security definer
set search_path = public, pg_temp as $$
  with old as (
    delete from idempotency_keys where (caller, key) in (
      select caller, key from idempotency_keys where created < now() - interval '7 days' limit row_limit)
    returning 1
  ) select count(*)::integer from old
$$;

-- Nothing that is older can be published again: the outbox keeps what was delivered for a week, bodies for a month.
create function forget_handled_events(row_limit integer) returns integer language sql security definer
set search_path = public, pg_temp as $$
  with old as (
    delete from inbox where (subscriber, source, id) in (
      select subscriber, source, id from inbox where received < now() - interval '45 days' limit row_limit)
    returning 1
  ) select count(*)::integer from old
$$;
