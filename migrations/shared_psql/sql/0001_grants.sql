-- What each role may do in shared_psql besides the event path: what its functions use, and no more. The worker changes
-- neither the owner nor the desired state of an instance; what is old is forgotten by functions that forget nothing
-- else.

grant select on agents, agent_versions, channels, revoked_sessions to botberi_user;
grant select, insert on instances, instance_events to botberi_user;
grant update (name, desired_state, due_at, attempts, row_version, updated_at) on instances to botberi_user;

grant select, insert on agents, bundles, agent_versions, instance_events, publishers to botberi_admin;
grant update (name, summary, description, listed, row_version, updated_at) on agents to botberi_admin;
grant select, insert, update on channels to botberi_admin;
grant select on instances, audit, revoked_sessions, deferred_subjects, cron_slots to botberi_admin;
grant update (desired_state, due_at, attempts, row_version, updated_at) on instances to botberi_admin;
grant update (revoked_at) on publishers to botberi_admin;
grant insert, select (publisher_id, created_at, expires_at), update (expires_at) on publisher_keys to botberi_admin;

grant select on revoked_sessions, deferred_subjects, cron_slots to botberi_broker;
grant select, insert on idempotency_keys to botberi_broker;
grant execute on function publisher_of to botberi_broker;

-- To see that an event is in the trail already, and nothing of what it says; not to choose when it was recorded.
grant select (source, event_id),
      insert (id, source, event_id, type, subject, actor, trace_id, data, happened_at) on audit to botberi_subscribers;
grant execute on function remember_revoked, forget_slots to botberi_subscribers;

grant execute on function emit_event to botberi_worker;
grant select on agents, agent_versions, bundles to botberi_worker;
grant select, insert on instance_events to botberi_worker;
grant select, update (config, secret_places, status, reason, message, next, address, attempts, due_at, deadline_at,
                      row_version, lease_owner, lease_expires_at, queued_at, updated_at) on instances to botberi_worker;

grant select, insert, update, delete on deferred_subjects, deferred_events to botberi_relay;
grant select on cron_slots to botberi_relay;
grant execute on function defer_events, settle_deferred_events, fire_schedule, ingest_events to botberi_relay;

-- What Prometheus is shown: how many, and not of what.
grant execute on function instance_statistics to botberi_exporter;
grant select (queue, resolution) on dead_letters to botberi_exporter;

-- The gateway asks which sessions were revoked, and may read nothing else.
grant select on revoked_sessions to botberi_gateway;
