"""POST /v1/admin/instances/{instance_id}/force-delete: delete an instance, whatever its host says."""

from functions.domain.approvals import approvals
from functions.domain.approvals.approvals import Asked
from functions.domain.databases import SharedDb
from functions.domain.instances import administration, reading
from functions.domain.instances.commands import InstanceDeleted
from functions.domain.instances.reading import InstanceNotFound
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import Support
from functions.schemas.approvals import ApprovalNeeded
from functions.schemas.instance_ids import InstanceId
from functions.schemas.instances import AnyInstance
from functions.schemas.reasons import GivenReason


@endpoint(
    "POST",
    "/v1/admin/instances/{instance_id}/force-delete",
    status=202,
    errors=(InstanceNotFound, InstanceDeleted),
    resources=Resources(settings=(approvals.SETTING,)),
)
def force_delete_instance(
    caller: Support, instance_id: InstanceId, because: GivenReason, audit: Audit, db: SharedDb
) -> AnyInstance | ApprovalNeeded:
    """Wait for no host that can't be reached: what is awake of it there is asked nothing and ends by itself."""
    if approvals.are_needed():
        administration.check_not_deleted(db, instance_id)
        asked = Asked("force_delete_instance", {"instance_id": instance_id}, instance_id, because.reason)
        return ApprovalNeeded.model_validate(approvals.request(db, caller.id, asked))
    audit.was(AnyInstance.of(reading.find(db, instance_id)))
    administration.force_delete(db, instance_id, because.reason)
    return AnyInstance.of(reading.find(db, instance_id))
