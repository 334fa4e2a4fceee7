drop function forget_oauth_codes;
drop table oauth_codes;
-- A release that knows nothing of clients would take their sessions for people's own.
update sessions set revoked_at = now(), revoked_reason = 'clients_unknown' where client_id is not null and revoked_at is null;
alter table sessions drop column client_id, drop column client_name, drop column resource, drop column scopes;
