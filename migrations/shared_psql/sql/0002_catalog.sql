-- What a version consists of never changes; whether it should still be launched does.
alter table agent_versions
  add column status text not null default 'published'
    constraint agent_versions_status_check check (status in ('published', 'deprecated', 'yanked')),
  add column status_reason text not null default '',
  add column status_changed_by text,
  add column status_changed_at timestamptz,
  add column row_version integer not null default 1;
comment on column agent_versions.status_reason is 'for people: why it is deprecated or yanked';

-- A channel may lead a share of new instances to a second version, its candidate. One that points at nothing keeps its
-- row: the count of its changes never starts again, so that an old ETag never fits by chance.
alter table channels
  alter column version_id drop not null,
  add column candidate_version_id text references agent_versions (id),
  add column candidate_percent smallint,
  add column row_version integer not null default 1,
  add constraint channels_candidate_check check (
    (candidate_version_id is null) = (candidate_percent is null) and candidate_percent between 0 and 100
    and (candidate_version_id is null or version_id is not null));

create table channel_moves (
  id text primary key,
  agent_id text not null references agents (id),
  channel text not null,
  kind text not null constraint channel_moves_kind_check check (kind in ('published', 'moved', 'rolled_back')),
  previous_version_id text references agent_versions (id),
  version_id text references agent_versions (id),
  candidate_version_id text references agent_versions (id),
  candidate_percent smallint,
  reason text not null default '',
  moved_by text not null,
  moved_at timestamptz not null default now()
);
create index channel_moves_agent_id_channel_id_idx on channel_moves (agent_id, channel, id);
comment on column channel_moves.kind is 'published: by a publication; rolled_back: to what it replaced';

grant update (status, status_reason, status_changed_by, status_changed_at, row_version) on agent_versions
  to botberi_admin;
grant select, insert on channel_moves to botberi_admin;
