"""What both databases need so that the outbox's partitions are made and dropped after a rush that ran ahead of them."""

from typing import Final

from migrations import event_tables, released

_ROTATE: Final = """
-- Keeps two empty partitions ahead, and drops those whose events are all delivered and older than `keep`. The lock
-- waits for writers with a number of the partition; only then can it be seen that nothing undelivered is left.
--
-- More events than the partitions ahead hold may come between two looks, or while no relay runs: they lie in the
-- default partition. No other can be made then for their numbers, only for those that follow; they stay there until
-- all are delivered and old.
--
-- A body goes a month after its event may, and never while the event is parked or a dead letter that is open.
create or replace function rotate_outbox(keep interval) returns integer language plpgsql security definer
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
    and not exists (select from parked_events as parked where parked.id = body.id and parked.resolution is null)
    and not exists (select from dead_letters as dead where dead.event_id = body.id and dead.resolution is null);
  return dropped;
end $$;
"""


def upgrade() -> str:
    """Return what makes it."""
    return _ROTATE


def downgrade() -> str:
    """Return what takes it back."""
    return released.functions(event_tables.UPGRADE, "rotate_outbox", "-- After a restore")
