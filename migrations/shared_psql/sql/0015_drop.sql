revoke select (run_id, subject) on push_configs from botberi_runner;
alter table push_configs
  drop column subject, drop column scheme, drop column key_id, drop column wrapped_key,
  drop column claimed_until, drop column failing_since;
