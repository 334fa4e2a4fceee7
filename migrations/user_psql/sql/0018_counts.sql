-- Accounts by state.

create function account_state(suspended boolean, verified_at timestamptz, purge_at timestamptz) returns text
language sql immutable as $$
  select case when purge_at is not null then 'deleted' when suspended then 'suspended'
    when verified_at is null then 'unverified' else 'active' end
$$;

create function count_account() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if tg_op <> 'INSERT' then
    perform note_count(array['accounts.' || account_state(old.suspended, old.verified_at, old.purge_at)], '{-1}');
  end if;
  if tg_op <> 'DELETE' then
    perform note_count(array['accounts.' || account_state(new.suspended, new.verified_at, new.purge_at)], '{1}');
  end if;
  return null;
end $$;

lock table accounts in share row exclusive mode;
insert into counts (counter, value)
select 'accounts.' || account_state(suspended, verified_at, purge_at), count(*) from accounts group by 1;

create trigger accounts_count after insert or delete on accounts for each row execute function count_account();
create trigger accounts_recount after update of suspended, verified_at, purge_at on accounts
for each row execute function count_account();

revoke all on function account_state, count_account from public;
