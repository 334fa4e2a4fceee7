revoke select on conversations, runs, run_events from botberi_subscribers;
drop table push_configs;
alter table runs drop column notifies;
alter table instances drop column discoverable;
