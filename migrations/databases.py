"""The two databases: their metadata, their roles, and how a migrator connects."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, MetaData, NullPool, Pool, create_engine

from core.configuration import secret
from core.postgres.pipelined import DiscreetLegacy
from core.postgres.place import Place
from events.tables import metadata as event_metadata
from functions.domain.accounts.tables import metadata as user_metadata
from functions.domain.audit.tables import metadata as audit_metadata
from shared_psql_models import (
    account_events,
    account_purges,
    agent_memory,
    agents,
    api_keys,
    audit,
    budgets,
    dispatching,
    instance_logs,
    instance_secrets,
    instances,
    operators,
    publishers,
    push_configs,
    run_usage,
    runs,
    sessions,
    verified_accounts,
)
from shared_psql_models.tables import metadata as shared_metadata

TABLE_MODULES: Final = (
    *(account_events, account_purges, agent_memory, agents, api_keys, audit, budgets, dispatching, instance_logs),
    *(instance_secrets, instances, operators, publishers, push_configs, run_usage, runs, sessions),
    verified_accounts,
)
"""Imported so that every table is in the metadata."""

POOLED: Final = ("user", "admin", "broker", "subscribers", "worker")
"""The roles that may come through PgBouncer."""

ROLES: Final = ("migrator", *POOLED, "relay", "gateway", "runner", "pgbouncer", "exporter")
"""Each is the role `botberi_<name>` in both databases; what it may do there, the migrations say."""


@dataclass(frozen=True)
class Database:
    """A database of the topology."""

    name: str
    metadata: tuple[MetaData, ...]
    """The tables of its own, those of the event path, and those of the audit trail."""


DATABASES: Final = {
    "user_psql": Database("user_psql", (user_metadata, event_metadata, audit_metadata)),
    "shared_psql": Database("shared_psql", (shared_metadata, event_metadata, audit_metadata)),
}


def connect(
    database: str, role: str, password: str | None = None, *, pool: type[Pool] = NullPool, application: str = "botberi"
) -> Engine:
    """Return an engine on a database, in a role with its secret; without a pool unless one is given.

    Postgres shows its connections by the names of `application` and role.
    """
    place = Place.of(database)
    user = role if password is not None else f"botberi_{role}"
    proof = password or secret(f"{database}-{role}".replace("_", "-"))

    def connection() -> DiscreetLegacy:
        return DiscreetLegacy(
            user,
            place.host,
            port=place.port,
            database=place.name,
            password=proof,
            application_name=f"{application}-{role}",
            verified=place.verified,
        )

    return create_engine(
        "postgresql+pg8000://", creator=connection, poolclass=pool, pool_pre_ping=True, hide_parameters=True
    )
