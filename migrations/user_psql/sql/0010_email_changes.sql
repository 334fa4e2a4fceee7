-- Moving an account to another address: whoever has the new one proves it, and whoever has the present one consents.

create table email_changes (
  account_id text primary key references accounts (id),
  email text not null,
  session_id text not null,
  expires_at timestamptz not null,
  proved_at timestamptz,
  consented_at timestamptz,
  ended_at timestamptz,
  email_before text
);
create index email_changes_expires_at_idx on email_changes (expires_at);
comment on table email_changes is 'the newest of each account, for a day';
comment on column email_changes.email is 'the new one, in lower case';
comment on column email_changes.session_id is 'which asked for it, and goes on';
comment on column email_changes.proved_at is 'when the token was used that was sent to the new address';
comment on column email_changes.consented_at is 'when the token was used that was sent to the present address';
comment on column email_changes.ended_at is 'when the address was changed, or turned out to have an account';
comment on column email_changes.email_before is 'which the account had, once it is changed';

create function forget_email_changes(row_limit integer) returns integer language sql security definer
set search_path = public, pg_temp as $$
  with old as (
    delete from email_changes where account_id in (
      select account_id from email_changes where expires_at < now() limit row_limit for update skip locked)
      and expires_at < now()
    returning 1
  ) select count(*)::integer from old
$$;

-- Gives an account the address to which it was asked to be moved, once both tokens were used; tells whether that was done,
-- which it isn't when another account has the address. Nothing else changes addresses.
create function apply_email_change(account text) returns boolean language plpgsql security definer
set search_path = public, pg_temp as $$
declare
  change email_changes;
  before text;
begin
  update email_changes set ended_at = now()
  where account_id = account and proved_at is not null and consented_at is not null and ended_at is null
  returning * into strict change;
  select email into strict before from accounts where id = account;
  begin
    update accounts set email = change.email where id = account;
  exception when unique_violation then
    return false;
  end;
  update email_changes set email_before = before where account_id = account;
  return true;
end $$;

revoke all on function forget_email_changes, apply_email_change from public;
grant execute on function forget_email_changes to botberi_subscribers;

grant select, insert, delete, update on email_changes to botberi_user;
grant execute on function apply_email_change to botberi_user;
-- Who writes the mails reads where they go.
grant select (account_id, email, expires_at, ended_at, email_before) on email_changes to botberi_subscribers;
