-- Who may do what in the event path, in both databases. It comes after all functions of a history's first revision.

-- By default everybody may execute a function.
revoke all on all functions in schema public from public;

grant execute on function emit_event
  to botberi_user, botberi_admin, botberi_broker, botberi_subscribers, botberi_relay;
grant execute on function last_sequence, lock_subjects
  to botberi_user, botberi_admin, botberi_broker, botberi_subscribers, botberi_worker;
grant execute on function event_body to botberi_subscribers;

grant select on outbox, outbox_bodies to botberi_relay;
grant select, update on relay_cursor to botberi_relay;
grant select, insert on parked_events, dead_letters to botberi_relay;
grant update (reason, detail, released, resolution, resolved_by, resolved_at) on parked_events to botberi_relay;
grant execute on function wake_relay, rotate_outbox, new_dead_letter_id to botberi_relay;

grant execute on function forget_idempotency_keys, forget_handled_events to botberi_subscribers;
grant select, insert on inbox to botberi_subscribers;
grant select, insert on idempotency_keys to botberi_user, botberi_admin;

grant select on all_dead_letters, dead_letters, parked_events, relay_cursor to botberi_admin, botberi_broker;
-- The view calls it with the rights of whoever reads the view.
grant execute on function event_source to botberi_admin, botberi_broker;
grant execute on function resolve_dead_letters to botberi_admin, botberi_broker;
grant execute on function event_path_status to botberi_admin, botberi_broker, botberi_relay;
