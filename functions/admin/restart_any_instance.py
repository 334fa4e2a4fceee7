"""POST /v1/admin/instances/{instance_id}/restart: ask for anybody's instance to be started anew, as what it is."""

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
    "/v1/admin/instances/{instance_id}/restart",
    status=202,
    errors=(InstanceNotFound, InstanceDeleted, Quarantined, EmailUnverified, StoppedByOperator),
    resources=Resources(settings=(verified_accounts.SETTING,)),
)
def restart_any_instance(
    _caller: Support, instance_id: InstanceId, because: GivenReason, audit: Audit, db: SharedDb
) -> AnyInstance:
    """One that is stopped is started. Its owner reads in its history that an administrator did, and why."""
    audit.was(AnyInstance.of(reading.find(db, instance_id)))
    administration.restart(db, instance_id, because.reason)
    return AnyInstance.of(reading.find(db, instance_id))
