revoke select (queue, subject, source, event_id) on deferred_events from botberi_admin;
