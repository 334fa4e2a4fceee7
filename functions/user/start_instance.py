"""POST /v1/instances/{instance_id}/start: ask for an instance to run; one that has failed gets a new try."""

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
    "/v1/instances/{instance_id}/start",
    status=202,
    errors=(InstanceNotFound, InstanceDeleted, Quarantined, EmailUnverified, StoppedByOperator),
    resources=Resources(settings=(verified_accounts.SETTING,)),
)
def start_instance(caller: User, instance_id: InstanceId, db: SharedDb) -> Instance:
    """Keep what was asked before this answers; the status follows. Asking again changes nothing."""
    commands.start(db, instance_id, caller.id)
    return Instance.of(reading.find(db, instance_id))
