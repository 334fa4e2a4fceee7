-- What the dispatcher keeps: the retry store, with the events of subjects that fail, so that they hold up nobody; and
-- the slots of schedules.

create table deferred_subjects (
  queue text not null,
  subject text not null,
  attempts integer not null default 0,
  due timestamptz not null,
  claim text,
  since timestamptz not null default clock_timestamp(),
  primary key (queue, subject)
);
create index deferred_subjects_queue_due_idx on deferred_subjects (queue, due);
comment on table deferred_subjects is 'subjects whose events wait here instead of in RabbitMQ';
comment on column deferred_subjects.attempts is 'calls that failed, of the first event that waits';
comment on column deferred_subjects.due is 'when it is tried again; while it is claimed, when the claim ends by itself';

create table deferred_events (
  seq bigint generated always as identity (cache 1) primary key,
  queue text not null,
  subject text not null,
  source text not null,
  event_id text not null,
  event bytea not null,
  unique (queue, source, event_id),
  foreign key (queue, subject) references deferred_subjects (queue, subject)
);
create index deferred_events_queue_subject_seq_idx on deferred_events (queue, subject, seq);

create table cron_slots (
  schedule text not null,
  slot timestamptz not null,
  fired timestamptz,
  primary key (schedule, slot)
);
comment on column cron_slots.fired is 'null for the slot before the first, from which a new schedule counts';

-- Defers the `opened` subjects, and `events` behind those of their subjects that are deferred. Returns the subjects
-- that are deferred no more: their events are not taken. Each statement sees what was committed before it, so that a
-- subject that is locked here can't leave meanwhile.
create function defer_events(on_queue text, opened jsonb, events jsonb) returns setof text language plpgsql
set search_path = public, pg_temp as $$
begin
  insert into deferred_subjects (queue, subject, attempts, due)
  select on_queue, each.subject, each.attempts, clock_timestamp() + make_interval(secs => each.pause)
  from jsonb_to_recordset(opened) as each (subject text, attempts integer, pause float8)
  order by each.subject on conflict do nothing;
  perform from deferred_subjects
  where queue = on_queue and subject in (select each->>'subject' from jsonb_array_elements(events) as each)
  order by subject for update;
  insert into deferred_events (queue, subject, source, event_id, event)
  select on_queue, there.subject, each->>'source', each->>'id', decode(each->>'event', 'base64')
  from jsonb_array_elements(events) with ordinality as given (each, place)
  join deferred_subjects there on there.queue = on_queue and there.subject = each->>'subject'
  order by place on conflict do nothing;
  return query select distinct each->>'subject' from jsonb_array_elements(events) as each
  where not exists (
    select from deferred_subjects there where there.queue = on_queue and there.subject = each->>'subject');
end $$;

-- Ends a claim: the events in `taken` are handled or dead; what is left of the subject waits for `pause` seconds. The
-- subject leaves the retry store with its last event. False when the claim had ended before.
create function settle_deferred_events(
  on_queue text, of_subject text, by_claim text, taken bigint[], tried integer, pause float8
) returns boolean language plpgsql set search_path = public, pg_temp as $$
begin
  perform from deferred_subjects where queue = on_queue and subject = of_subject and claim = by_claim for update;
  if not found then
    return false;
  end if;
  delete from deferred_events where seq = any (taken);
  if exists (select from deferred_events where queue = on_queue and subject = of_subject) then
    update deferred_subjects
    set attempts = tried, claim = null, due = clock_timestamp() + make_interval(secs => pause)
    where queue = on_queue and subject = of_subject;
  else
    delete from deferred_subjects where queue = on_queue and subject = of_subject;
  end if;
  return true;
end $$;

-- Emits the event of a slot unless that was done before, by whichever dispatcher; null when it is too early by this
-- clock. The first call for a schedule only notes where it begins: what was due before it existed is not missed. The
-- lock is the schedule's until the transaction ends, so that of several dispatchers one fires.
create function fire_schedule(of_schedule text, at_slot timestamptz, event_type text) returns boolean language plpgsql
security definer set search_path = public, pg_temp as $$
declare
  newest timestamptz;
begin
  if at_slot > clock_timestamp() then
    return null;
  end if;
  perform pg_advisory_xact_lock(hashtextextended('schedule ' || of_schedule, 0));
  select max(slot) from cron_slots where schedule = of_schedule into newest;
  if newest is null then
    insert into cron_slots (schedule, slot) values (of_schedule, at_slot);
    return false;
  elsif newest >= at_slot then
    return false;
  end if;
  insert into cron_slots (schedule, slot, fired) values (of_schedule, at_slot, clock_timestamp());
  perform emit_event(type => event_type, subject => of_schedule, data => jsonb_build_object(
    'schedule', of_schedule, 'slot', to_char(at_slot at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')));
  return true;
end $$;

-- The newest of a schedule says from where to go on.
create function forget_slots(row_limit integer) returns integer language sql security definer
set search_path = public, pg_temp as $$
  with old as (
    delete from cron_slots where (schedule, slot) in (
      select schedule, slot from cron_slots old where slot < now() - interval '30 days'
      and exists (select from cron_slots newer where newer.schedule = old.schedule and newer.slot > old.slot)
      limit row_limit)
    returning 1
  ) select count(*)::integer from old
$$;

-- The reverse direction: events that are addressed to Postgres, as the text that they came as. Takes in a batch of
-- distinct (source, id): what is new becomes a NOTIFY, what was there before nothing. A payload of 8,000 bytes or more
-- would abort the transaction: such an event stays in the inbox, and the NOTIFY refers to it. In plpgsql, whose plan is
-- kept: a function in SQL would be planned anew for every batch.
create function ingest_events(sources text[], ids text[], channels text[], events text[]) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  fit constant integer := 7900;
  count integer;
begin
  with given as materialized (
    select * from unnest(sources, ids, channels, events) with ordinality as each (source, id, channel, event, place)
  ), fresh as (
    insert into inbox (subscriber, source, id, body)
    select 'notify', source, id, case when octet_length(event) > fit then event::jsonb end from given
    on conflict do nothing returning source, id
  ), notified as (
    select pg_notify(channel, case when octet_length(event) > fit
      then (event::jsonb - 'data' || jsonb_build_object('dataref', 'inbox:' || id))::text else event end)
    from given join fresh using (source, id) order by place
  )
  select count(*) from notified into count;
  return count;
end $$;
