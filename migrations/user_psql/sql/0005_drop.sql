revoke select (id, email) on accounts from botberi_subscribers;
drop function forget_one_time_tokens;
drop table one_time_tokens;
alter table accounts drop column verified_at;
