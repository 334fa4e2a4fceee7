"""GET /v1/dead-letters: events that a subscriber could not handle, newest first."""

from typing import Annotated

from pydantic import Field

from functions.domain.databases import SharedDb
from functions.domain.event_path import dead_letters
from functions.runtime.callers import Broker
from functions.runtime.dead_letters import DeadLetter
from functions.runtime.endpoint import endpoint
from functions.runtime.shapes import Page, PageQuery

Term = Annotated[str | None, Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")]


class DeadLetterQuery(PageQuery):
    """Which dead letters, and which page of them."""

    queue: Annotated[Term, Field(description="Of one subscriber.", examples=["botberi.record-audit"])] = None
    type: Annotated[Term, Field(description="An event type.", examples=["com.botberi.agent.created.v1"])] = None
    resolved: Annotated[bool, Field(description="Those that were redriven or discarded, instead of the open ones.")] = (
        False
    )


@endpoint("GET", "/v1/dead-letters")
def list_dead_letters(_caller: Broker, query: DeadLetterQuery, db: SharedDb) -> Page[DeadLetter]:
    """They wait here until somebody redrives or discards them."""
    rows = dead_letters.listed(
        db,
        queue=query.queue,
        type=query.type,
        resolved=query.resolved,
        after=query.after(),
        limit=query.limit + 1,
    )
    return query.page(rows, DeadLetter)
