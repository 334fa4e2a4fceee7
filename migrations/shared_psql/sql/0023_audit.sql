-- Whether an account was purged, so that its details may be erased from the audit trail.
create function account_is_gone(account text) returns boolean language sql stable set search_path = public, pg_temp as $$
  select exists (select from account_purges where account_id = account)
$$;
