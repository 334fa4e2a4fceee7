"""POST /v1/dead-letters/{dead_letter_id}/discard: give a dead letter or parked event up; it stays to be read."""

from functions.domain.databases import SharedDb, UserDb
from functions.domain.event_path import resolving
from functions.domain.event_path.dead_letters import DeadLetterNotFound
from functions.domain.event_path.resolving import Action, DeadLetterResolved
from functions.runtime.declarations import SCALE_LIMITED
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import BrokerOperator
from functions.schemas.base import Body
from functions.schemas.dead_letters import DryRun, Resolved, both
from functions.schemas.reasons import Reason


class DiscardRequest(Body):
    """The reason for discarding the dead letter."""

    resolution_reason: Reason


@endpoint(
    "POST",
    "/v1/dead-letters/{dead_letter_id}/discard",
    errors=(DeadLetterNotFound, DeadLetterResolved),
    resources=SCALE_LIMITED,
)
def discard_dead_letter(
    caller: BrokerOperator, dead_letter_id: str, query: DryRun, body: DiscardRequest, user: UserDb, shared: SharedDb
) -> Resolved:
    """Nobody who has not handled the event will ever learn of it."""
    action = Action("discarded", resolved_by=caller.id, reason=body.resolution_reason, dry_run=query.dry_run)
    return Resolved.of(action, resolving.resolve(both(user, shared), action, dead_letter_id))
