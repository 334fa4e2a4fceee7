"""POST /v1/admin/approvals/{approval_id}/approve: have done what another of the staff has asked for."""

from functions.domain.approvals import approvals, carrying_out
from functions.domain.approvals.approvals import (
    ApprovalDecidedAlready,
    ApprovalExpired,
    ApprovalNotFound,
    OwnApproval,
)
from functions.domain.catalog.agents import AgentNotFound
from functions.domain.catalog.version_statuses import VersionChangedMeanwhile, VersionInChannel
from functions.domain.catalog.versions import VersionNotFound
from functions.domain.databases import SharedDb, UserDb
from functions.domain.instances.commands import InstanceDeleted
from functions.domain.instances.reading import InstanceNotFound
from functions.runtime.declarations import SCALE_LIMITED
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import Admin
from functions.schemas.approvals import Approval, ApprovalId
from functions.schemas.reasons import GivenReason


@endpoint(
    "POST",
    "/v1/admin/approvals/{approval_id}/approve",
    errors=(
        *(ApprovalNotFound, ApprovalDecidedAlready, ApprovalExpired, OwnApproval),
        *(AgentNotFound, VersionNotFound, VersionInChannel, VersionChangedMeanwhile),
        *(InstanceNotFound, InstanceDeleted),
    ),
    resources=SCALE_LIMITED,
)
def approve_action(
    caller: Admin, approval_id: ApprovalId, because: GivenReason, audit: Audit, user: UserDb, shared: SharedDb
) -> Approval:
    """Have it done in the same transaction, with the arguments that were kept, or be refused as by its endpoint."""
    approval = approvals.decide(shared, approval_id, caller.id, "approved", because.reason)
    carrying_out.carry_out(user, shared, approval)
    audit.about(approval.target, approval.requested_by)
    audit.enter(shared, action=approval.action)
    return Approval.model_validate(approval)
