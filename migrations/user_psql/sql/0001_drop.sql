-- Drops all that is not the event path, with whatever is in it.
drop function forget_ended_sessions;
drop table sessions, accounts;
drop function keep_session_ended;
