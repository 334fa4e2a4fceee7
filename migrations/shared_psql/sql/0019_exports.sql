-- All rows of an account here, as JSON, without what only servers need: hashes, leases and sealed secrets.

create function exported_rows(account text) returns table (name text, content jsonb)
language sql stable security definer set search_path = public, pg_temp as $$
  with mine as (select id from instances where owner_id = account)
  select 'instances', to_jsonb(t) - '{lease_owner,lease_expires_at,queued_at,due_at}'::text[] from instances as t
    where owner_id = account
  union all select 'instance_specs', to_jsonb(t) from instance_specs as t where instance_id in (select id from mine)
  union all select 'instance_events', to_jsonb(t) from instance_events as t where instance_id in (select id from mine)
  union all select 'instance_secrets', to_jsonb(t) - '{key_id,wrapped_key,sealed}'::text[] from instance_secrets as t
    where instance_id in (select id from mine)
  union all select 'instance_logs', to_jsonb(t) from instance_logs as t where instance_id in (select id from mine)
  union all select 'instance_log_usage', to_jsonb(t) from instance_log_usage as t where owner_id = account
  union all select 'agent_memory', to_jsonb(t) from agent_memory as t where instance_id in (select id from mine)
  union all select 'agent_memory_usage', to_jsonb(t) from agent_memory_usage as t where owner_id = account
  union all select 'conversations', to_jsonb(t) from conversations as t where instance_id in (select id from mine)
  union all select 'runs', to_jsonb(t) - '{lease_owner,lease_token,lease_expires_at,fingerprint}'::text[] from runs as t
    where owner_id = account
  union all select 'run_events', to_jsonb(t) from run_events as t
    where run_id in (select id from runs where owner_id = account)
  union all select 'push_configs', to_jsonb(t) - '{key_id,wrapped_key,sealed,claimed_until}'::text[] from push_configs as t
    where run_id in (select id from runs where owner_id = account)
  union all select 'run_usage', to_jsonb(t) from run_usage as t where owner_id = account
  union all select 'budgets', to_jsonb(t) from budgets as t where owner_id = account
  union all select 'account_limits', to_jsonb(t) from account_limits as t where account_id = account
  union all select 'account_events', to_jsonb(t) from account_events as t where owner_id = account
  union all select 'account_feeds', to_jsonb(t) from account_feeds as t where owner_id = account
  union all select 'api_keys', to_jsonb(t) - 'hash' from api_keys as t where account_id = account
  union all select 'verified_accounts', to_jsonb(t) from verified_accounts as t where account_id = account
  union all select 'audit', to_jsonb(t) from audit as t where subject = account
$$;

revoke all on function exported_rows from public;
grant execute on function exported_rows to botberi_subscribers;
