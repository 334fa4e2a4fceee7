-- Accounts whose owners have shown that mail to their addresses reaches them: an event from user_psql brings each.

create table verified_accounts (
  account_id text primary key,
  verified_at timestamptz not null default now()
);
comment on column verified_accounts.verified_at is 'when that became known here';

grant select (account_id) on verified_accounts to botberi_user;
grant insert (account_id) on verified_accounts to botberi_subscribers;
