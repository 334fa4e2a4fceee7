-- What became of one event, for those who may not read the outbox: nothing of its data.

create index dead_letters_event_id_idx on dead_letters (event_id);
create index parked_events_id_idx on parked_events (id);

-- The event with this id, and those that it has caused, in the order in which they were written; as far as the outbox
-- still has them. `made` is the time that is in the id; without one the newest are looked through.
--
-- The outbox has no index of ids, which every writer would have to pay for. But numbers are handed out in the order of
-- time, nearly: the first of those written about then is found by halving, and some thousands from there on are read.
create function event_trail(event text, made timestamptz)
returns table (id text, type text, subject text, actor text, causationid text, at timestamptz, delivered boolean)
language plpgsql stable security definer set search_path = public, pg_temp as $$
declare
  c relay_cursor;
  low bigint;
  high bigint;
  middle bigint;
  written timestamptz;
begin
  select * into c from relay_cursor;
  select coalesce(min(o.seq), 0), coalesce(max(o.seq), 0) into low, high from outbox o;
  if made is null then
    low := greatest(low, high - 10000);
  end if;
  while made is not null and low < high loop
    middle := low + (high - low) / 2;
    select o.created into written from outbox o where o.seq >= middle order by o.seq limit 1;
    if written < made - interval '1 second' then
      low := middle + 1;
    else
      high := middle;
    end if;
  end loop;
  return query
  select o.id, o.type, o.subject, o.actor, o.causationid, o.created,
    pg_visible_in_snapshot(o.xid, c.s1) or (o.seq <= c.last_seq and pg_visible_in_snapshot(o.xid, c.s2))
  from outbox o
  where o.seq >= low and o.seq < low + 10000 and event in (o.id, o.causationid)
  order by o.seq limit 50;
end $$;
comment on function event_trail is 'an event and those that it has caused, without their data';

revoke all on function event_trail from public;
grant execute on function event_trail to botberi_admin;
grant select (subscriber, source, id, received) on inbox to botberi_admin;
