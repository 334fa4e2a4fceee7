"""POST /v1/dead-letters/redrive: send many dead letters or parked events on their way once more, oldest first."""

from functions.domain.databases import SharedDb, UserDb
from functions.domain.event_path.resolving import Action
from functions.runtime.declarations import SCALE_LIMITED
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import BrokerOperator
from functions.schemas.dead_letters import DryRun, Resolved, Selection, both, resolve_selected
from functions.schemas.reasons import Reason


class BulkRedriveRequest(Selection):
    """Select open dead letters, and say why they are redriven."""

    resolution_reason: Reason | None = None


@endpoint("POST", "/v1/dead-letters/redrive", resources=SCALE_LIMITED)
def redrive_dead_letters(
    caller: BrokerOperator, query: DryRun, body: BulkRedriveRequest, user: UserDb, shared: SharedDb
) -> Resolved:
    """Those that are no event, were resolved before or don't exist are skipped. Try it with `dry_run` first."""
    action = Action("redriven", resolved_by=caller.id, reason=body.resolution_reason, dry_run=query.dry_run)
    return resolve_selected(both(user, shared), action, body)
