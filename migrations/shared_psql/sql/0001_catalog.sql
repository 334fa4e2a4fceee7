-- The catalog: agents, their immutable versions, the bundles these are made of, and the channels that point at them.

create table agents (
  id text primary key,
  slug text not null constraint agents_slug_key unique,
  name text not null,
  summary text not null,
  description text not null default '',
  listed boolean not null default true,
  row_version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint agents_slug_check check (slug ~ '^[a-z][a-z0-9-]{1,62}$')
);
comment on column agents.listed is 'whether people find it in the catalog';

create table bundles (
  sha256 text primary key,
  content bytea not null,
  created_at timestamptz not null default now()
);
comment on column bundles.content is 'a zip file';

-- The schema is json and not jsonb, which would lose the order of members and the form of numbers. Versions that differ
-- in the build alone (1.0.0+a, 1.0.0+b) are the same to semantic versioning, so that only one may exist.
create table agent_versions (
  id text primary key,
  agent_id text not null references agents (id),
  number text not null,
  config_schema json not null,
  image text,
  bundle_sha256 text references bundles (sha256),
  changelog text not null default '',
  published_by text not null,
  published_at timestamptz not null default now(),
  constraint agent_versions_source_check check ((image is null) <> (bundle_sha256 is null))
);
create unique index agent_versions_agent_id_split_part_idx on agent_versions (agent_id, split_part(number, '+', 1));
comment on column agent_versions.number is 'semantic version';
comment on column agent_versions.config_schema is 'JSON Schema 2020-12; writeOnly properties are secret';
comment on column agent_versions.image is 'an OCI image reference, or null when there is a bundle';

create table channels (
  agent_id text not null references agents (id),
  name text not null constraint channels_name_check check (name in ('stable', 'beta')),
  version_id text not null references agent_versions (id),
  updated_at timestamptz not null default now(),
  primary key (agent_id, name)
);
