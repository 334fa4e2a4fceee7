"""The catalog, instances, the audit trail and the event path."""

from alembic import op

from migrations.event_tables import DOWNGRADE, UPGRADE

revision = "0001"
down_revision = None

TABLES = """
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

create table agent_versions (
  id text primary key,
  agent_id text not null references agents (id),
  number text not null,
  config_schema jsonb not null,
  image text,
  bundle_sha256 text references bundles (sha256),
  changelog text not null default '',
  published_by text not null,
  published_at timestamptz not null default now(),
  constraint agent_versions_agent_id_number_key unique (agent_id, number),
  constraint agent_versions_source_check check ((image is null) <> (bundle_sha256 is null))
);
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

create table instances (
  id text primary key,
  owner_id text not null,
  agent_id text not null references agents (id),
  version_id text not null references agent_versions (id),
  name text not null,
  config jsonb not null,
  desired_state text not null
    constraint instances_desired_state_check check (desired_state in ('running', 'stopped', 'deleted')),
  status text not null default 'pending'
    constraint instances_status_check check (status in ('pending', 'provisioning', 'starting', 'updating', 'running',
      'stopping', 'stopped', 'failed', 'deleting', 'deleted')),
  reason text not null,
  sentence text not null,
  next text not null default '',
  deadline_at timestamptz,
  address text,
  attempts integer not null default 0,
  due_at timestamptz not null default now(),
  row_version integer not null default 1,
  lease_nonce text,
  lease_until timestamptz,
  offered_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint instances_deadline_check check (status not in
    ('pending', 'provisioning', 'starting', 'updating', 'stopping', 'deleting') or deadline_at is not null)
);
create index instances_owner_id_id_idx on instances (owner_id, id);
create index instances_due_at_idx on instances (due_at) where status <> 'deleted';
comment on column instances.reason is 'a typed reason for the present status';
comment on column instances.sentence is 'the reason for people';
comment on column instances.next is 'what happens next, for people';
comment on column instances.deadline_at is 'when a transient status is given up';
comment on column instances.address is 'the base URL that answers, while it runs';
comment on column instances.attempts is 'starts that failed one after another';
comment on column instances.due_at is 'when the worker should look again';
comment on column instances.lease_nonce is 'whose turn it is';
comment on column instances.offered_at is 'when the sweep last handed it to the workers';

create table instance_events (
  id text primary key,
  instance_id text not null references instances (id),
  kind text not null,
  previous text,
  value text not null,
  reason text not null,
  actor text not null,
  sentence text not null,
  next text not null default '',
  at timestamptz not null default clock_timestamp()
);
create index instance_events_instance_id_id_idx on instance_events (instance_id, id);
comment on column instance_events.kind is '`desired_state` or `status`: which of the two changed';

create table audit (
  id text primary key,
  source text not null,
  event_id text not null,
  type text not null,
  subject text not null,
  actor text not null,
  trace_id text,
  data jsonb not null,
  happened_at timestamptz not null,
  recorded_at timestamptz not null default now()
);
create index audit_subject_id_idx on audit (subject, id);
create unique index audit_source_event_id_idx on audit (source, event_id);

create table revoked_sessions (
  session_id text primary key,
  expires_at timestamptz not null
);
create index revoked_sessions_expires_at_idx on revoked_sessions (expires_at);
"""

GRANTS = """
grant select on agents, agent_versions, channels, revoked_sessions to botberi_user;
grant select, insert on instances, instance_events, idempotency_keys to botberi_user;
grant update (name, desired_state, due_at, attempts, row_version, updated_at) on instances to botberi_user;
grant execute on function emit_event to botberi_user;

grant select, insert on agents, bundles, agent_versions, instance_events, idempotency_keys to botberi_admin;
grant update (name, summary, description, listed, row_version, updated_at) on agents to botberi_admin;
grant select, insert, update on channels to botberi_admin;
grant select on instances, audit, revoked_sessions to botberi_admin;
grant update (desired_state, due_at, attempts, row_version, updated_at) on instances to botberi_admin;
grant execute on function emit_event to botberi_admin;

grant select on revoked_sessions to botberi_broker;
grant select, insert on idempotency_keys to botberi_broker;
grant execute on function emit_event to botberi_broker;

grant select, insert on inbox, audit to botberi_subscribers;
grant select on instances to botberi_subscribers;
grant select, insert, delete on revoked_sessions to botberi_subscribers;
grant execute on function emit_event to botberi_subscribers;

grant select on agents, agent_versions, bundles to botberi_worker;
grant select, update on instances to botberi_worker;
grant select, insert on instance_events to botberi_worker;
grant execute on function emit_event to botberi_worker;

grant select on outbox to botberi_relay;
"""


def upgrade() -> None:
    """Create everything."""
    op.execute(UPGRADE)
    op.execute(TABLES)
    op.execute(GRANTS)


def downgrade() -> None:
    """Drop everything."""
    op.execute(
        "drop table revoked_sessions; drop table audit; drop table instance_events; drop table instances;"
        "drop table channels; drop table agent_versions; drop table bundles; drop table agents;"
    )
    op.execute(DOWNGRADE)
