drop function forget_instance_logs, forget_agent_log_sources;
drop table agent_log_sources, instance_log_usage, instance_logs;
revoke select on account_limits from botberi_subscribers;
revoke select (id, owner_id, status) on instances from botberi_subscribers;
