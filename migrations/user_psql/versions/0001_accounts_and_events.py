"""Accounts, sessions and the event path."""

from alembic import op

from migrations.event_tables import DOWNGRADE, UPGRADE

revision = "0001"
down_revision = None

TABLES = """
create table accounts (
  id text primary key,
  email text not null constraint accounts_email_key unique,
  password_hash text not null,
  scopes text[] not null default '{user}',
  suspended boolean not null default false,
  created_at timestamptz not null default now()
);
comment on column accounts.email is 'in lower case';
comment on column accounts.password_hash is 'argon2id';

create table sessions (
  id text primary key,
  account_id text not null references accounts (id),
  secret_hash text not null,
  chain_key text not null,
  counter integer not null default 0,
  created_at timestamptz not null default now(),
  refreshed_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  revoked_reason text
);
create index sessions_account_id_idx on sessions (account_id);
comment on column sessions.secret_hash is 'sha256 of the secret in the newest refresh token';
comment on column sessions.chain_key is 'with which each secret follows from the one before';
comment on column sessions.counter is 'of the newest refresh token';
"""

GRANTS = """
grant select, insert on accounts to botberi_user;
grant select, insert, update on sessions to botberi_user;
grant select, insert on idempotency_keys to botberi_user;
grant execute on function emit_event to botberi_user;

grant select (id, email, scopes, suspended, created_at) on accounts to botberi_admin;
grant select on sessions to botberi_admin;
grant select, insert on idempotency_keys to botberi_admin;
grant execute on function emit_event to botberi_admin;

grant select on sessions to botberi_broker;
grant execute on function emit_event to botberi_broker;

grant select, insert on inbox to botberi_subscribers;
grant execute on function emit_event to botberi_subscribers;

grant select on outbox to botberi_relay;
"""


def upgrade() -> None:
    """Create everything."""
    op.execute(UPGRADE)
    op.execute(TABLES)
    op.execute(GRANTS)


def downgrade() -> None:
    """Drop everything."""
    op.execute("drop table sessions; drop table accounts;")
    op.execute(DOWNGRADE)
