"""GET /v1/dead-letters: events that are stuck, parked before RabbitMQ or dead at a subscriber, newest first."""

from typing import Annotated

from pydantic import Field

from functions.domain.databases import SharedDb, UserDb
from functions.domain.event_path import dead_letters
from functions.domain.event_path.dead_letters import Filter
from functions.runtime.declarations import SCALE_LIMITED
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import BrokerReader
from functions.schemas.base import Page, PageQuery
from functions.schemas.dead_letters import Database, DeadLetter, Kind, Term, both


class DeadLetterQuery(PageQuery):
    """Which dead letters, and which page of them."""

    kind: Annotated[Kind | None, Field(description="`parked` or `dead`; without it, both.")] = None
    database: Annotated[Database | None, Field(description="Where they are kept.")] = None
    queue: Annotated[Term, Field(description="Of one subscriber.", examples=["botberi.record-audit"])] = None
    type: Annotated[Term, Field(description="An event type.", examples=["com.botberi.agent.created.v1"])] = None
    reason: Annotated[Term, Field(description="Why it is stuck, a code.", examples=["unroutable"])] = None
    resolved: Annotated[bool, Field(description="Those that were redriven or discarded, instead of the open ones.")] = (
        False
    )


@endpoint("GET", "/v1/dead-letters", resources=SCALE_LIMITED)
def list_dead_letters(
    _caller: BrokerReader, query: DeadLetterQuery, user: UserDb, shared: SharedDb
) -> Page[DeadLetter]:
    """They wait here until somebody redrives or discards them."""
    criteria = Filter(kind=query.kind, queue=query.queue, type=query.type, reason=query.reason, database=query.database)
    rows = dead_letters.listed(
        both(user, shared), criteria, resolved=query.resolved, after=query.after(), limit=query.limit + 1
    )
    return query.page(rows, DeadLetter)
