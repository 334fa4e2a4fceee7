"""POST /v1/admin/instances/{instance_id}/reconcile: have a worker look at an instance now."""

from functions.domain import verified_accounts
from functions.domain.databases import SharedDb
from functions.domain.instances import administration, reading
from functions.domain.instances.commands import InstanceDeleted, Quarantined
from functions.domain.instances.kill_switches import StoppedByOperator
from functions.domain.instances.reading import InstanceNotFound
from functions.domain.verified_accounts import EmailUnverified
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import Support
from functions.schemas.instance_ids import InstanceId
from functions.schemas.instances import AnyInstance
from functions.schemas.reasons import GivenReason


@endpoint(
    "POST",
    "/v1/admin/instances/{instance_id}/reconcile",
    status=202,
    errors=(InstanceNotFound, InstanceDeleted, Quarantined, EmailUnverified, StoppedByOperator),
    resources=Resources(settings=(verified_accounts.SETTING,)),
)
def reconcile_instance(
    _caller: Support, instance_id: InstanceId, because: GivenReason, audit: Audit, db: SharedDb
) -> AnyInstance:
    """One that runs is verified, one that has failed is tried again, and what is stuck goes on."""
    audit.was(AnyInstance.of(reading.find(db, instance_id)))
    administration.reconcile(db, instance_id, because.reason)
    return AnyInstance.of(reading.find(db, instance_id))
