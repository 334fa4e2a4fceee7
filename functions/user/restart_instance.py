"""POST /v1/instances/{instance_id}/restart: ask for an instance to be started anew, as what it is."""

from functions.domain import verified_accounts
from functions.domain.databases import SharedDb
from functions.domain.instances import commands, reading
from functions.domain.instances.commands import InstanceDeleted, Quarantined
from functions.domain.instances.kill_switches import StoppedByOperator
from functions.domain.instances.reading import InstanceNotFound
from functions.domain.verified_accounts import EmailUnverified
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.instance_ids import InstanceId
from functions.schemas.instances import Instance


@endpoint(
    "POST",
    "/v1/instances/{instance_id}/restart",
    status=202,
    errors=(InstanceNotFound, InstanceDeleted, Quarantined, EmailUnverified, StoppedByOperator),
    resources=Resources(settings=(verified_accounts.SETTING,)),
)
def restart_instance(caller: User, instance_id: InstanceId, db: SharedDb) -> Instance:
    """One that is stopped or has failed is started. Asking again restarts it again."""
    commands.restart(db, instance_id, caller.id)
    return Instance.of(reading.find(db, instance_id))
