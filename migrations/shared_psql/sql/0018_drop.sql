drop function forget_account_purges, purge_account, delete_purged_instances;
drop table account_purges;
