"""POST /v1/dead-letters/discard: give many dead letters or parked events up; they stay to be read."""

from functions.domain.databases import SharedDb, UserDb
from functions.domain.event_path.resolving import Action
from functions.runtime.declarations import SCALE_LIMITED
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import BrokerOperator
from functions.schemas.dead_letters import DryRun, Resolved, Selection, both, resolve_selected
from functions.schemas.reasons import Reason


class BulkDiscardRequest(Selection):
    """Select open dead letters, and say why they are discarded."""

    resolution_reason: Reason


@endpoint("POST", "/v1/dead-letters/discard", resources=SCALE_LIMITED)
def discard_dead_letters(
    caller: BrokerOperator, query: DryRun, body: BulkDiscardRequest, user: UserDb, shared: SharedDb
) -> Resolved:
    """Those that were resolved before or don't exist are skipped. Try it with `dry_run` first."""
    action = Action("discarded", resolved_by=caller.id, reason=body.resolution_reason, dry_run=query.dry_run)
    return resolve_selected(both(user, shared), action, body)
