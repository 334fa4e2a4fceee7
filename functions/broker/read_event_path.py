"""GET /v1/event-path: how the path of events from each database stands: what waits, who relays, what is stuck."""

from typing import Annotated

from pydantic import Field

from functions.domain.api_errors import Unavailable
from functions.domain.event_path import status
from functions.runtime.declarations import SCALE_LIMITED
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import BrokerReader
from functions.runtime.providers.databases import SharedTransactions, UserTransactions
from functions.schemas.base import Reply
from functions.schemas.dead_letters import Database


class DatabasePath(Reply):
    """The path from one database. All is null when it can't be asked."""

    database: Database
    reachable: Annotated[bool, Field(description="Whether the database could be asked.")]
    waiting: Annotated[int | None, Field(description="Committed events that RabbitMQ has not confirmed.")] = None
    oldest_seconds: Annotated[float | None, Field(description="Age of the oldest of them; null without any.")] = None
    holder: Annotated[str | None, Field(description="Who took the lease last, host/pid; empty before anybody.")] = None
    epoch: Annotated[int | None, Field(description="Rises with every relay that takes over.")] = None
    relays: Annotated[int | None, Field(description="Relays that are connected, standing by or active.")] = None
    progress_seconds: Annotated[
        float | None, Field(description="Since the relay's cursor moved; it rests while nothing happens.")
    ] = None
    probed_seconds: Annotated[
        float | None, Field(description="Since a probe last came back through RabbitMQ; null before any did.")
    ] = None
    probe_seconds: Annotated[float | None, Field(description="How long it was on its way.")] = None
    parked: Annotated[int | None, Field(description="Events that can't be published.")] = None
    dead: Annotated[int | None, Field(description="Open dead letters that are kept here.")] = None


class EventPath(Reply):
    """The path from both. Ages are by the databases' clocks."""

    counted_up_to: Annotated[int, Field(description="A count of so many says: that many at least.")]
    databases: list[DatabasePath]


@endpoint("GET", "/v1/event-path", resources=SCALE_LIMITED)
def read_event_path(_caller: BrokerReader, user: UserTransactions, shared: SharedTransactions) -> EventPath:
    """When shared_psql can't be asked, this says so and tells of user_psql, by which it knows the session."""
    paths = [_path("user_psql", user), _path("shared_psql", shared)]
    return EventPath(counted_up_to=status.LIMIT, databases=paths)


def _path(database: Database, transactions: UserTransactions | SharedTransactions) -> DatabasePath:
    try:
        with transactions() as db:
            found = status.of(db)
    except Unavailable:
        return DatabasePath(database=database, reachable=False)
    return DatabasePath(database=database, reachable=True, **vars(found))
