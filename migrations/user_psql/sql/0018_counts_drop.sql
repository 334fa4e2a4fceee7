drop trigger accounts_recount on accounts;
drop trigger accounts_count on accounts;
drop function count_account, account_state;
