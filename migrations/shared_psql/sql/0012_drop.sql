drop function forget_account_events;
drop table account_events, account_feeds;
