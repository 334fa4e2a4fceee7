-- A release that knows nothing of them would take such sessions for people's own.
update sessions set revoked_at = now(), revoked_reason = 'impersonation_unknown' where impersonator_id is not null and revoked_at is null;
revoke insert (id, account_id, secret_hash, token_key, expires_at, ends_at) on sessions from botberi_admin;
drop index sessions_impersonator_id_idx;
alter table sessions drop column impersonator_id, drop column impersonation_reason, drop column may_write;
