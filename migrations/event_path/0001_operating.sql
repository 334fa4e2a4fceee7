-- What operators see of the event path, and how they act on dead letters.

-- Dead letters of both kinds, open or resolved: events that can not be published (parked) and events that a subscriber
-- could not handle (dead). They are listed, read and resolved alike.
create view all_dead_letters as
select id, 'dead' as kind, queue, event_id, source, type, subject, reason, detail, attempts, event,
       died_at, resolution, resolved_by, resolved_at, resolution_reason
from dead_letters
union all
select dead_letter_id, 'parked', record->>'recipient', id, coalesce(record->>'source', event_source()), type, subject,
       reason, detail, 0,
       (jsonb_strip_nulls(jsonb_build_object(
          'specversion', '1.0', 'id', id, 'source', coalesce(record->>'source', event_source()), 'type', type,
          'subject', subject, 'time', record->'created', 'traceparent', record->'traceparent',
          'correlationid', record->'correlationid', 'causationid', record->'causationid', 'actor', record->'actor',
          'channel', record->'channel'))
        || case when record->'data' = 'null' then jsonb_build_object('dataref', event_source() || '/bodies/' || id)
           else jsonb_build_object('data', record->'data') end)::text,
       parked, resolution, resolved_by, resolved_at, resolution_reason
from parked_events;

-- Redrives or discards what is still open of the dead letters `ids`, and returns the ids of that. A parked event goes
-- where it was going, a dead one only to the queue that it died in: the other subscribers have handled it. Both keep
-- their ids, so that whoever has handled one does not do so again. Redriven ones go out in the order in which they
-- died. A parked event that blocks its subject stays where it is, marked as released: others wait behind it, and the
-- relay sends it before them.
create function resolve_dead_letters(ids text[], how text, resolver text, grounds text default null)
returns setof text language plpgsql security definer set search_path = public, pg_temp as $$
begin
  return query
  with dead as (
    update dead_letters d set resolution = how, resolved_by = resolver, resolved_at = clock_timestamp(),
      resolution_reason = grounds
    where d.id = any(ids) and d.resolution is null returning d.*
  ), released as (
    update parked_events p set released = clock_timestamp(), resolved_by = resolver, resolution_reason = grounds
    where p.dead_letter_id = any(ids) and p.resolution is null and p.blocking and how = 'redriven'
    returning p.dead_letter_id
  ), parked as (
    update parked_events p set resolution = how, resolved_by = resolver, resolved_at = clock_timestamp(),
      resolution_reason = grounds
    where p.dead_letter_id = any(ids) and p.resolution is null and not (p.blocking and how = 'redriven') returning p.*
  ), stuck as (
    select p.dead_letter_id, p.seq as place, row.id, row.source, row.type, row.subject, row.partitionkey, row.data,
           row.traceparent, row.correlationid, row.causationid, row.actor, row.recipient, row.channel, row.created
    from parked p, jsonb_populate_record(null::outbox, p.record) as row
    union all
    select d.id, null, d.event_id, d.source, d.type, d.subject, coalesce(whole->>'partitionkey', d.subject),
           whole->'data', whole->>'traceparent', whole->>'correlationid', whole->>'causationid',
           coalesce(whole->>'actor', 'system'), d.queue, whole->>'channel', (whole->>'time')::timestamptz
    from dead d, lateral (select case when how = 'redriven' then d.event::jsonb end as whole) as decoded
  ), sent as (
    insert into outbox (id, source, type, subject, partitionkey, data, traceparent, correlationid, causationid, actor,
                        recipient, channel, created)
    select s.id, s.source, s.type, s.subject, s.partitionkey, s.data, s.traceparent, s.correlationid, s.causationid,
           s.actor, s.recipient, s.channel, s.created
    from stuck s where how = 'redriven' order by s.place, s.dead_letter_id
    returning 1
  )
  select s.dead_letter_id from stuck s union all select r.dead_letter_id from released r order by 1;
  if how = 'redriven' then
    perform wake_relay();
  end if;
end $$;

-- How the path from this database stands, for those who may not read the outbox. Nothing is counted beyond `row_limit`,
-- and nothing is read that is delivered: with a million rows waiting it costs what `row_limit` rows cost.
--
-- Undelivered is what s1 does not show, less what s2 shows up to last_seq. While s1 is s2, that is what is written by
-- transactions which s1 has not seen (by their number) or has seen underway (by its list). While a backlog is read page
-- by page, it is mostly what has a higher number than last_seq; what s2 does not show of the lower ones comes on top.
create function event_path_status(row_limit integer) returns table (
  holder text, epoch bigint, relays integer, progress_seconds float8, waiting integer, oldest_seconds float8,
  parked integer, dead integer
) language plpgsql stable security definer set search_path = public, pg_temp
-- A plan for any snapshot knows nothing of how little it will find: it would read whole partitions.
set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  c relay_cursor;
  oldest timestamptz;
  more integer;
  older timestamptz;
begin
  select * into c from relay_cursor;
  waiting := 0;
  if c.s1::text <> c.s2::text then
    select count(*), min(created) into waiting, oldest from (
      select o.created from outbox o
      where o.seq > c.last_seq and not pg_visible_in_snapshot(o.xid, c.s1) order by o.seq limit row_limit) as ahead;
  end if;
  if waiting < row_limit then
    select count(*), min(created) into more, older from (
      select o.created from (
        select l.seq, l.created from outbox l where l.xid >= pg_snapshot_xmax(c.s2)
        union all
        select u.seq, u.created from outbox u where u.xid = any(array(select pg_snapshot_xip(c.s2)))
      ) as o where c.s1::text = c.s2::text or o.seq <= c.last_seq limit row_limit - waiting) as behind;
    waiting := waiting + more;
    oldest := least(oldest, older);
  end if;
  holder := c.holder;
  epoch := c.epoch;
  progress_seconds := extract(epoch from clock_timestamp() - c.updated);
  -- What was redriven keeps its time, which another system may have set.
  oldest_seconds := case when oldest is not null then greatest(extract(epoch from clock_timestamp() - oldest), 0) end;
  select count(*) into relays from pg_stat_activity
    where datname = current_database() and usename = 'botberi_relay' and application_name = 'botberi-relay';
  select count(*) into parked from (select from parked_events where resolution is null limit row_limit) as p;
  select count(*) into dead from (select from dead_letters where resolution is null limit row_limit) as d;
  return next;
end $$;
