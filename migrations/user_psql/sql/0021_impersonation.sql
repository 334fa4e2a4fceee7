-- Somebody who helps people may act for one of them, for a while, in a session that its owner sees and can end.

alter table sessions add column impersonator_id text;
alter table sessions add column impersonation_reason text;
alter table sessions add column may_write boolean;
comment on column sessions.impersonator_id is 'the account of whoever acts for its own; null for people''s own';
comment on column sessions.impersonation_reason is 'why they do';
comment on column sessions.may_write is 'whether they may change anything';
-- Who loses a role, or is suspended, acts for nobody any more.
create index sessions_impersonator_id_idx on sessions (impersonator_id) where impersonator_id is not null;

grant insert (id, account_id, secret_hash, token_key, expires_at, ends_at, impersonator_id, impersonation_reason, may_write),
      select (impersonator_id, impersonation_reason, may_write) on sessions to botberi_admin;
