-- Accounts that their owners leave: nobody can use them from then on, and after a while nothing of them is left.

alter table accounts add column purge_at timestamptz;
comment on column accounts.purge_at is 'when all of it is purged; null unless its owner has deleted it';
create index accounts_purge_at_idx on accounts (purge_at) where purge_at is not null;

-- Deletes accounts whose time has come, with all rows that belong to them, and tells which those were. Rows belong to an
-- account by a foreign key, so that a table that is added later is no exception.
create function purge_accounts(row_limit integer) returns setof text language plpgsql security definer
set search_path = public, pg_temp as $$
declare
  gone text[];
  belonging record;
begin
  select array_agg(id) into gone from (
    select id from accounts where purge_at < now() order by purge_at limit row_limit for update skip locked
  ) as due;
  for belonging in
    select conrelid::regclass as child, attname as name
    from pg_constraint join pg_attribute on attrelid = conrelid and attnum = conkey[1]
    where contype = 'f' and confrelid = 'accounts'::regclass
  loop
    execute format('delete from %s where %I = any ($1)', belonging.child, belonging.name) using gone;
  end loop;
  delete from idempotency_keys where caller = any (gone);
  return query delete from accounts where id = any (gone) returning id;
end $$;

revoke all on function purge_accounts from public;
grant execute on function purge_accounts to botberi_subscribers;

-- Its owner deletes it and brings it back, or an administrator does the latter.
grant update (purge_at) on accounts to botberi_user;
grant select (purge_at), update (purge_at) on accounts to botberi_admin;
