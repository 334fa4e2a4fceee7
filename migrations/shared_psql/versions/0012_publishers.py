"""Other systems publish as principals of their own, each with a key that does nothing else."""

from alembic import op

revision = "0012"
down_revision = "0011"

TABLES = """
create table publishers (
  id text primary key,
  name text not null constraint publishers_name_key unique,
  sources text[] not null,
  types text[] not null,
  scopes text[] not null,
  created_at timestamptz not null default now(),
  revoked_at timestamptz
);
comment on column publishers.sources is 'that it may name, and what is below them';
comment on column publishers.types is 'that it may publish; empty for all that its scopes allow';

create table publisher_keys (
  hash text primary key,
  publisher_id text not null references publishers (id),
  created_at timestamptz not null default now(),
  expires_at timestamptz
);
create index publisher_keys_publisher_id_idx on publisher_keys (publisher_id);
comment on column publisher_keys.hash is 'sha256 of the key, which is kept nowhere';
comment on column publisher_keys.expires_at is 'null for a key that was not replaced';
"""

# Whoever asks for a key by its hash has the key: the functions that face the world can list neither.
FUNCTION = """
create function publisher_of(key_hash text) returns table (id text, sources text[], types text[], scopes text[])
language sql stable security definer set search_path = public, pg_temp as $$
  select publishers.id, publishers.sources, publishers.types, publishers.scopes
  from publisher_keys join publishers on publishers.id = publisher_id
  where hash = key_hash and revoked_at is null and (expires_at is null or expires_at > now())
$$;
revoke all on function publisher_of from public;
"""

GRANTS = """
grant execute on function publisher_of to botberi_broker;
grant select, insert on publishers to botberi_admin;
grant update (revoked_at) on publishers to botberi_admin;
grant insert on publisher_keys to botberi_admin;
grant select (publisher_id, created_at, expires_at), update (expires_at) on publisher_keys to botberi_admin;
"""


def upgrade() -> None:
    """Create the tables, and the function that knows a publisher by its key."""
    op.execute(TABLES)
    op.execute(FUNCTION)
    op.execute(GRANTS)


def downgrade() -> None:
    """Drop them."""
    op.execute("drop function publisher_of; drop table publisher_keys; drop table publishers")
