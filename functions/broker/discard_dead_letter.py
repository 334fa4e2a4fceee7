"""POST /v1/dead-letters/{dead_letter_id}/discard: give a dead letter up; it stays to be read."""

from functions.domain.databases import SharedDb
from functions.domain.event_path import dead_letters
from functions.domain.event_path.dead_letters import DeadLetterNotFound, DeadLetterResolved
from functions.runtime.callers import Broker
from functions.runtime.endpoint import endpoint


@endpoint(
    "POST",
    "/v1/dead-letters/{dead_letter_id}/discard",
    status=204,
    refusals=(DeadLetterNotFound, DeadLetterResolved),
)
def discard_dead_letter(caller: Broker, dead_letter_id: str, db: SharedDb) -> None:
    """Its subscriber never learns of the event."""
    dead_letters.discard(db, dead_letter_id, caller.id)
