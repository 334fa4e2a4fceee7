drop function purge_accounts;
alter table accounts drop column purge_at;
