"""POST /v1/dead-letters/{dead_letter_id}/redrive: deliver a dead letter once more to the subscriber it died at."""

from functions.domain.databases import SharedDb
from functions.domain.event_path import dead_letters
from functions.domain.event_path.dead_letters import DeadLetterNotFound, DeadLetterResolved, DeadLetterUnreadable
from functions.runtime.callers import Broker
from functions.runtime.endpoint import endpoint


@endpoint(
    "POST",
    "/v1/dead-letters/{dead_letter_id}/redrive",
    status=204,
    refusals=(DeadLetterNotFound, DeadLetterResolved, DeadLetterUnreadable),
)
def redrive_dead_letter(caller: Broker, dead_letter_id: str, db: SharedDb) -> None:
    """Nothing happens twice: the event keeps its id, by which a subscriber knows what it has handled."""
    dead_letters.redrive(db, dead_letter_id, caller.id)
