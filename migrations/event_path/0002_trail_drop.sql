revoke select (subscriber, source, id, received) on inbox from botberi_admin;
drop function event_trail;
drop index parked_events_id_idx, dead_letters_event_id_idx;
