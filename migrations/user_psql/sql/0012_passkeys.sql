-- Passkeys: keys in people's authenticators, by which they log in without a password or prove a second factor.

create table passkeys (
  id text primary key,
  account_id text not null references accounts (id),
  credential_id bytea not null constraint passkeys_credential_id_key unique,
  public_key bytea not null,
  sign_count bigint not null,
  transports text[] not null,
  backup_eligible boolean not null,
  backed_up boolean not null,
  name text not null,
  created_at timestamptz not null default now(),
  last_used_at timestamptz
);
create index passkeys_account_id_idx on passkeys (account_id);
comment on column passkeys.credential_id is 'chosen by the authenticator';
comment on column passkeys.public_key is 'COSE (RFC 9052)';
comment on column passkeys.sign_count is 'the newest that the authenticator has told';
comment on column passkeys.transports is 'how browsers say that the authenticator is reached';
comment on column passkeys.backup_eligible is 'whether its private key may leave the authenticator';
comment on column passkeys.backed_up is 'whether that is kept elsewhere too';
comment on column passkeys.name is 'its owner''s word for it';

-- Who logs in with a passkey tells who they are by that, and not before.
alter table mfa_challenges alter column account_id drop not null;
alter table mfa_challenges add column purpose text not null default 'second_factor';
comment on column mfa_challenges.account_id is 'null for whoever is yet to tell';
comment on column mfa_challenges.purpose is 'what is to be proved';

-- An administrator takes a passkey away, and neither reads nor adds one.
grant select, delete,
      insert (id, account_id, credential_id, public_key, sign_count, transports, backup_eligible, backed_up, name),
      update (sign_count, backed_up, name, last_used_at) on passkeys to botberi_user;
grant select (account_id), delete on passkeys to botberi_admin;
