"""POST /v1/dead-letters/{dead_letter_id}/discard: give a dead letter or parked event up; it stays to be read."""

from functions.domain.databases import SharedDb, UserDb
from functions.domain.event_path import resolving
from functions.domain.event_path.letters import DeadLetterNotFound
from functions.domain.event_path.resolving import Act, DeadLetterResolved
from functions.runtime.declarations import RARELY
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Broker
from functions.schemas.dead_letters import Resolved, Trial, Why, both
from functions.schemas.shapes import Body


class GivingUp(Body):
    """Why nobody shall hear of the event."""

    why: Why


@endpoint(
    "POST",
    "/v1/dead-letters/{dead_letter_id}/discard",
    refusals=(DeadLetterNotFound, DeadLetterResolved),
    needs=RARELY,
)
def discard_dead_letter(  # noqa: PLR0913, PLR0917 - each is filled by its type
    caller: Broker, dead_letter_id: str, query: Trial, body: GivingUp, user: UserDb, shared: SharedDb
) -> Resolved:
    """Nobody who has not handled the event will ever learn of it."""
    act = Act("discarded", by=caller.id, why=body.why, dry_run=query.dry_run)
    return Resolved.of(act, resolving.resolve(both(user, shared), act, dead_letter_id))
