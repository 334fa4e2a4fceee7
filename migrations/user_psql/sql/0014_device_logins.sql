-- Device log-ins (RFC 8628): programs that wait until somebody who is logged in approves the code that they show.

create table device_logins (
  device_code_hash bytea primary key,
  user_code_hash bytea not null unique,
  client text not null,
  device text not null,
  network text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  interval_seconds integer not null,
  asked_at timestamptz,
  account_id text references accounts (id),
  approved boolean
);
create index device_logins_expires_at_idx on device_logins (expires_at);
create index device_logins_account_id_idx on device_logins (account_id);
comment on column device_logins.device_code_hash is 'sha256';
comment on column device_logins.user_code_hash is 'sha256 of the letters alone';
comment on column device_logins.client is 'what the program that asks calls itself';
comment on column device_logins.device is 'its User-Agent';
comment on column device_logins.network is 'its /24 or /64';
comment on column device_logins.interval_seconds is 'for how long it has to wait before it asks again';
comment on column device_logins.asked_at is 'when it last asked whether it was approved';
comment on column device_logins.account_id is 'of whoever approved or denied it';
comment on column device_logins.approved is 'null until that is decided';

create function forget_device_logins(row_limit integer) returns integer language sql security definer
set search_path = public, pg_temp as $$
  with old as (
    delete from device_logins where device_code_hash in (
      select device_code_hash from device_logins where expires_at < now() limit row_limit for update skip locked)
    returning 1
  ) select count(*)::integer from old
$$;

revoke all on function forget_device_logins from public;
grant execute on function forget_device_logins to botberi_subscribers;
grant select, delete,
      insert (device_code_hash, user_code_hash, client, device, network, expires_at, interval_seconds),
      update (interval_seconds, asked_at, account_id, approved) on device_logins to botberi_user;
-- Whoever ends all sessions of an account withdraws what it has approved.
grant select (account_id), delete on device_logins to botberi_admin;
