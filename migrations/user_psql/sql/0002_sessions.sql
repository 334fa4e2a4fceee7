-- A session ends some day however often it is refreshed, and its owner sees from where and with what it is used.

alter table sessions add column ends_at timestamptz;
alter table sessions disable trigger sessions_keep_ended;
update sessions set ends_at = created_at + interval '180 days';
alter table sessions enable trigger sessions_keep_ended;
alter table sessions alter column ends_at set not null;
alter table sessions add column device text not null default '';
alter table sessions add column network text not null default '';
comment on column sessions.ends_at is 'however often it is refreshed';
comment on column sessions.device is 'User-Agent of the newest log-in or refresh';
comment on column sessions.network is '/24 or /64 of the newest log-in or refresh';

grant insert (ends_at, device, network), update (device, network) on sessions to botberi_user;
grant update (password_hash) on accounts to botberi_user;
