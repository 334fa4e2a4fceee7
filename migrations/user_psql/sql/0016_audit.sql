-- Whether nothing is left of an account, so that its details may be erased from the audit trail.
create function account_is_gone(account text) returns boolean language sql stable set search_path = public, pg_temp as $$
  select not exists (select from accounts where id = account)
$$;
