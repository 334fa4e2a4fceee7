"""POST /v1/admin/approvals/{approval_id}/reject: have something not done that one of the staff has asked for."""

from functions.domain.approvals import approvals
from functions.domain.approvals.approvals import ApprovalDecidedAlready, ApprovalNotFound
from functions.domain.databases import SharedDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import Admin
from functions.schemas.approvals import Approval, ApprovalId
from functions.schemas.reasons import GivenReason


@endpoint("POST", "/v1/admin/approvals/{approval_id}/reject", errors=(ApprovalNotFound, ApprovalDecidedAlready))
def reject_action(caller: Admin, approval_id: ApprovalId, because: GivenReason, audit: Audit, db: SharedDb) -> Approval:
    """Whoever has asked for it may, too."""
    approval = approvals.decide(db, approval_id, caller.id, "rejected", because.reason)
    audit.about(approval.target, approval.requested_by)
    return Approval.model_validate(approval)
