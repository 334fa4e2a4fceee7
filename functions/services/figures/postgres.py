"""What the databases know of themselves, of dead letters and of instances."""

import logging
from collections.abc import Iterator
from contextlib import closing
from typing import Final

from core.postgres.session import Session
from core.watching import Sample

log = logging.getLogger(__name__)

DATABASES: Final = ("user_psql", "shared_psql")

SERVER: Final = """
select numbackends, current_setting('max_connections')::integer, xact_commit, xact_rollback, deadlocks,
       pg_database_size(datid)
from pg_stat_database where datname = current_database()
"""

DEAD: Final = "select queue, count(*) from dead_letters where resolution is null group by queue"

INSTANCES: Final = "select status, instances, overdue, past_deadline from instance_statistics()"

_OF_SERVER: Final = (
    "botberi_postgres_connections",
    "botberi_postgres_connections_limit",
    "botberi_postgres_commits_total",
    "botberi_postgres_rollbacks_total",
    "botberi_postgres_deadlocks_total",
    "botberi_postgres_size_bytes",
)

FAMILIES: Final = {
    "botberi_database_up": "1 when the database answers.",
    "botberi_postgres_connections": "Connections to the database.",
    "botberi_postgres_connections_limit": "Connections that its server bears, to all databases together.",
    "botberi_postgres_commits_total": "Transactions that were committed.",
    "botberi_postgres_rollbacks_total": "Transactions that were rolled back.",
    "botberi_postgres_deadlocks_total": "Deadlocks.",
    "botberi_postgres_size_bytes": "Size of the database.",
    "botberi_dead_letters_open": "Dead letters that nobody has redriven or discarded.",
    "botberi_instances": "Instances by status.",
    "botberi_instances_overdue": "Instances that a worker should have looked at a minute ago.",
    "botberi_instances_past_deadline": "Instances in a transient status beyond its deadline.",
}


def samples() -> Iterator[Sample]:
    """Yield what each database says, and whether it said anything."""
    for database in DATABASES:
        try:
            found = [*_server(database), *(_shared() if database == "shared_psql" else ())]
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are asked
            log.warning("%s can't be asked: %r", database, error)
            yield "botberi_database_up", {"database": database}, 0
        else:
            yield "botberi_database_up", {"database": database}, 1
            yield from found


def _server(database: str) -> list[Sample]:
    with closing(Session(database, "relay", name="botberi-meter")) as session:
        [values] = session.run(SERVER)
    return [(name, {"database": database}, value) for name, value in zip(_OF_SERVER, values, strict=True)]


def _shared() -> Iterator[Sample]:
    with closing(Session("shared_psql", "relay", name="botberi-meter")) as session:
        for queue, dead in session.run(DEAD):
            yield "botberi_dead_letters_open", {"queue": queue}, dead
        overdue = late = 0
        for status, count, overdue_here, late_here in session.run(INSTANCES):
            yield "botberi_instances", {"status": status}, count
            overdue += overdue_here
            late += late_here
    yield "botberi_instances_overdue", {}, overdue
    yield "botberi_instances_past_deadline", {}, late
