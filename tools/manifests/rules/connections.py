"""Whether the databases bear what may connect to them: every function at its largest scale, and every service."""

from collections.abc import Iterator
from typing import Final

from functions.runtime.databases import POOL_SIZE
from migrations.databases import DATABASES, POOLED
from tools.documents import Document
from tools.manifests.rules.knative_rules import containers, environment, services
from tools.manifests.services import SERVICES

RESERVED: Final = 3
"""Of Postgres' limit, for its superuser."""


def within_limits(documents: list[Document]) -> Iterator[str]:
    """Keep clients within PgBouncer's limit, and what PgBouncer and the services open within Postgres'."""
    for database in DATABASES:
        short = database.partition("_")[0]
        clients = _clients(documents, database)
        pooler = environment(_container(documents, "Deployment", f"pgbouncer-{short}"))
        most = int(pooler["MAX_CLIENTS"] or 0)
        if clients > most:
            yield f"pgbouncer-{short}: {clients} clients may come, and {most} are let in"
        pooled = int(pooler["POOL_SIZE"] or 0) * len(POOLED) * _replicas(documents, f"pgbouncer-{short}")
        opened = pooled + _direct(documents, database)
        limit = _postgres(documents, short)
        if opened > limit - RESERVED:
            yield f"{short}-psql: {opened} connections may be opened, and {limit - RESERVED} are let in"


def _clients(documents: list[Document], database: str) -> int:
    setting = f"{database.upper()}_URL"
    functions = sum(
        int(template["metadata"]["annotations"].get("autoscaling.knative.dev/max-scale", 0)) * POOL_SIZE
        for _, template, _, container in services(documents)
        if setting in environment(container)
    )
    return functions + sum(_replicas(documents, service.name) * service.pooled.get(database, 0) for service in SERVICES)


def _direct(documents: list[Document], database: str) -> int:
    return sum(
        max(_replicas(documents, service.name), service.once) * service.direct.get(database, 0) for service in SERVICES
    )


def _named(documents: list[Document], kind: str, name: str) -> Document | None:
    return next((each for each in documents if each["kind"] == kind and each["metadata"]["name"] == name), None)


def _replicas(documents: list[Document], name: str) -> int:
    found = _named(documents, "Deployment", name)
    return int(found["spec"].get("replicas", 1)) if found else 0


def _container(documents: list[Document], kind: str, name: str) -> Document:
    found = _named(documents, kind, name)
    return containers(found)[0] if found else {}


def _postgres(documents: list[Document], short: str) -> int:
    managed = _named(documents, "Service", f"{short}-psql")
    told = (managed or {}).get("metadata", {}).get("annotations", {}).get("botberi.com/max-connections")
    if told is not None:
        return int(told)
    arguments = _container(documents, "StatefulSet", f"{short}-psql").get("args", [])
    return next((int(each.partition("=")[2]) for each in arguments if each.startswith("max_connections=")), 0)
