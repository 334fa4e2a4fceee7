-- Push notifications are sent. Nobody has written a row of `push_configs` before this release.

alter table push_configs
  add column subject text not null unique,
  add column scheme text,
  add column key_id text,
  add column wrapped_key bytea,
  add column claimed_until timestamptz,
  add column failing_since timestamptz,
  add constraint push_configs_sealed check (
    (sealed is null) = (key_id is null) and (sealed is null) = (wrapped_key is null));
comment on column push_configs.subject is 'what events about it are about, `psh_…`; `id` is its client''s';
comment on column push_configs.scheme is 'of the authentication; null if there is none';
comment on column push_configs.key_id is 'the master key that wraps the data key; null if nothing is sealed';
comment on column push_configs.wrapped_key is 'the data key, encrypted with the master key';
comment on column push_configs.claimed_until is 'until when one deliverer alone notifies; null when none does';
comment on column push_configs.failing_since is 'since when nothing was accepted there; null while everything is';

grant update (scheme, key_id, wrapped_key, failing_since) on push_configs to botberi_user;
grant select (run_id, subject) on push_configs to botberi_runner;
grant update (claimed_until, failing_since) on push_configs to botberi_subscribers;
