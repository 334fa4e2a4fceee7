-- Drops the event path, with whatever is in it.
drop view all_dead_letters;
drop function resolve_dead_letters, event_path_status, rotate_outbox, rebase_relay, forget_idempotency_keys,
  forget_handled_events, emit_event, event_producers, event_body, last_sequence, lock_subjects, wake_relay,
  event_source;
drop table idempotency_keys, inbox, dead_letters, parked_events, relay_cursor, outbox_bodies, outbox;
drop function new_dead_letter_id;
