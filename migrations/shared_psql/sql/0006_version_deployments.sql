-- Where versions run that are images: one function each, which serves all instances of the version.

-- The lease is as that on an instance. `deployed_at` is written before anything is asked of the platform, and cleared
-- after it has removed everything: a worker that dies in between leaves a row that says what to clear away.
create table version_deployments (
  version_id text primary key references agent_versions (id),
  deployed_at timestamptz,
  url text,
  lease_owner text,
  lease_expires_at timestamptz
);
comment on column version_deployments.deployed_at is
  'since when something of it may be on the platform; null when nothing is';
comment on column version_deployments.url is 'where it was last seen to answer; null when it isn''t known to';
comment on column version_deployments.lease_owner is
  'who deploys or removes it, drawn at random; null when nobody does';

grant select, insert, update on version_deployments to botberi_worker;
grant select (version_id, url) on version_deployments to botberi_user;
