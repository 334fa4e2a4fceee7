-- What waits in the retry store, for administrators: not the events themselves.
grant select (queue, subject, source, event_id) on deferred_events to botberi_admin;
