"""Create the roles of a database and give them the passwords that are in the secrets; safe to repeat.

The superuser does this once per database and whenever a password changes. Everything after it is done as the migrator,
who owns the schema and nothing else.
"""

from sqlalchemy import Connection, text

from core.configuration import secret
from migrations.databases import POOLED, ROLES, connect

_SETTINGS = {
    "statement_timeout": "8s",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "30s",
}
"""A stuck statement or a forgotten transaction must not hold others up. The migrator sets its own."""


def provision(database: str, superuser: str, password: str) -> list[str]:
    """Create or update every role of `database`, and return their names."""
    with connect(database, superuser, password).begin() as connection:
        # Roles belong to the whole server: whoever changes them for another of its databases meanwhile waits here.
        connection.exec_driver_sql("lock table pg_authid in share row exclusive mode")
        for role in ROLES:
            _provision_role(connection, role, secret(f"{database}-{role}".replace("_", "-")))
        name = connection.scalar(text("select current_database()"))
        connection.exec_driver_sql(f'revoke all on database "{name}" from public')
        connection.exec_driver_sql("revoke create on schema public from public")
        connection.exec_driver_sql("grant usage, create on schema public to botberi_migrator")
        if database == "shared_psql":
            connection.exec_driver_sql(_EXTENSIONS)
        for role in ROLES:
            connection.exec_driver_sql(f'grant connect on database "{name}" to botberi_{role}')
        # Who holds back the oldest transaction, and how large databases are, is otherwise shown to the superuser alone.
        connection.exec_driver_sql("grant pg_read_all_stats to botberi_relay, botberi_exporter")
        connection.exec_driver_sql(_LOOKUP.format(roles=", ".join(f"'botberi_{role}'" for role in POOLED)))
    return [f"botberi_{role}" for role in ROLES]


_LOOKUP = """
create schema if not exists pgbouncer;
revoke all on schema pgbouncer from public;
grant usage on schema pgbouncer to botberi_pgbouncer;
create or replace function pgbouncer.login(name text, out usename text, out passwd text)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select rolname::text, rolpassword from pg_authid where rolname = name and rolname in ({roles})
$$;
revoke all on function pgbouncer.login from public;
grant execute on function pgbouncer.login to botberi_pgbouncer;
"""
"""PgBouncer has no password but its own: it looks up how a pooled role proves itself, and can't look up any other."""


_EXTENSIONS = """
create schema if not exists extensions;
create extension if not exists unaccent schema extensions;
create extension if not exists pg_trgm schema extensions;
grant usage on schema extensions to botberi_migrator, botberi_user, botberi_admin;
"""
"""By which the catalog is searched; who may use a schema can call what is in it. They come with Postgres."""


_PROVE = """
do $$ begin
  execute format('alter role %I password %L', current_setting('botberi.role'), current_setting('botberi.password'));
end $$
"""


def _provision_role(connection: Connection, role: str, password: str) -> None:
    name = f"botberi_{role}"
    if connection.scalar(text("select 1 from pg_roles where rolname = :name"), {"name": name}) is None:
        connection.exec_driver_sql(f"create role {name} login")
    # Not in the text of a statement, which an error or a log may show.
    values = {"name": name, "password": password}
    connection.execute(text("select set_config('botberi.role', :name, true)"), values)
    connection.execute(text("select set_config('botberi.password', :password, true)"), values)
    connection.exec_driver_sql(_PROVE)
    if role != "migrator":
        for setting, value in _SETTINGS.items():
            connection.exec_driver_sql(f"alter role {name} set {setting} = '{value}'")
