-- Secrets of instances: each value encrypted with a data key of its own, which a master key wraps that no database has.

-- A config refers to a value by its place and version. Values are never changed: a new one is a new row, and one that no
-- generation refers to any more is deleted. Only the wrapping of its data key is written anew, when master keys change.
create table instance_secrets (
  instance_id text not null references instances (id),
  place text not null,
  version integer not null,
  key_id text not null,
  wrapped_key bytea not null,
  sealed bytea not null,
  created_at timestamptz not null default now(),
  primary key (instance_id, place, version)
);
comment on column instance_secrets.place is 'a JSON Pointer into the config';
comment on column instance_secrets.version is 'the generation that it came with; a new value is a new row';
comment on column instance_secrets.key_id is 'the master key that wraps the data key';
comment on column instance_secrets.wrapped_key is 'the data key, encrypted with the master key';
comment on column instance_secrets.sealed is 'the value as JSON, encrypted with the data key';

-- Those who set secrets and those who tell agents. The migrator wraps data keys anew.
grant select, insert on instance_secrets to botberi_user;
grant select, delete on instance_secrets to botberi_worker;
