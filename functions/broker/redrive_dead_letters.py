"""POST /v1/dead-letters/redrive: send many dead letters or parked events on their way once more, oldest first."""

from functions.domain.api_errors import FieldError, Invalid
from functions.domain.approvals import approvals
from functions.domain.approvals.approvals import Asked
from functions.domain.databases import SharedDb, UserDb
from functions.domain.event_path.resolving import Action
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import BrokerOperator
from functions.schemas.approvals import ApprovalNeeded
from functions.schemas.dead_letters import DryRun, Resolved, Selection, both, resolve_selected
from functions.schemas.reasons import Reason


class BulkRedriveRequest(Selection):
    """Select open dead letters, and say why they are redriven."""

    resolution_reason: Reason | None = None


# Few copies, as of all that operators use a few times a day.
@endpoint("POST", "/v1/dead-letters/redrive", resources=Resources(max_scale=2, settings=(approvals.SETTING,)))
def redrive_dead_letters(
    caller: BrokerOperator, query: DryRun, body: BulkRedriveRequest, user: UserDb, shared: SharedDb
) -> Resolved | ApprovalNeeded:
    """Those that are no event, were resolved before or don't exist are skipped. Try it with `dry_run` first."""
    if body.ids is None and not query.dry_run and approvals.are_needed():
        return _asked(caller.id, body, shared)
    action = Action("redriven", resolved_by=caller.id, reason=body.resolution_reason, dry_run=query.dry_run)
    return resolve_selected(both(user, shared), action, body)


def _asked(account_id: str, body: BulkRedriveRequest, shared: SharedDb) -> ApprovalNeeded:
    """Have another approve that all are redriven which a filter matches. Raises Invalid without a reason."""
    if body.resolution_reason is None:
        raise Invalid(errors=[FieldError("/resolution_reason", "missing", "Say why: somebody has to approve it.")])
    given = {name: value for name, value in vars(body.criteria()).items() if value is not None}
    asked = Asked("redrive_dead_letters", given | {"limit": body.limit}, "dead_letters", body.resolution_reason)
    return ApprovalNeeded.model_validate(approvals.request(shared, account_id, asked))
