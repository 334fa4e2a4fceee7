"""POST /v1/dead-letters/{dead_letter_id}/redrive: send a dead letter or parked event on its way once more."""

from functions.domain.databases import SharedDb, UserDb
from functions.domain.event_path import resolving
from functions.domain.event_path.dead_letters import DeadLetterNotFound
from functions.domain.event_path.resolving import Action, DeadLetterResolved, DeadLetterTooLarge, DeadLetterUnreadable
from functions.runtime.declarations import SCALE_LIMITED
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import BrokerOperator
from functions.schemas.dead_letters import DryRun, Resolved, both


@endpoint(
    "POST",
    "/v1/dead-letters/{dead_letter_id}/redrive",
    errors=(DeadLetterNotFound, DeadLetterResolved, DeadLetterUnreadable, DeadLetterTooLarge),
    resources=SCALE_LIMITED,
)
def redrive_dead_letter(
    caller: BrokerOperator, dead_letter_id: str, query: DryRun, user: UserDb, shared: SharedDb
) -> Resolved:
    """Nothing happens twice: the event keeps its id, by which a subscriber knows what it has handled."""
    action = Action("redriven", resolved_by=caller.id, dry_run=query.dry_run)
    return Resolved.of(action, resolving.resolve(both(user, shared), action, dead_letter_id))
