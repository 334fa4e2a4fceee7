drop table verified_accounts;
