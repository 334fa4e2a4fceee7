"""GET /v1/instances/{instance_id}: one of the caller's instances, with its status and the reason for it."""

from functions.domain.instances import conditions, reading
from functions.domain.instances.contexts import KEYS_NAME
from functions.domain.instances.reading import InstanceNotFound
from functions.runtime import agent_host_client
from functions.runtime.agent_host_client import SETTING
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.runtime.providers.databases import SharedTransactions
from functions.schemas.instance_ids import InstanceId
from functions.schemas.instances import LiveInstance


@endpoint(
    "GET",
    "/v1/instances/{instance_id}",
    errors=(InstanceNotFound,),
    resources=Resources(secrets=(KEYS_NAME,), settings=(SETTING,)),
)
def read_instance(caller: User, instance_id: InstanceId, transaction: SharedTransactions) -> LiveInstance:
    """Secrets in its config are masked."""
    with transaction() as db:
        instance = reading.find(db, instance_id, owner_id=caller.id)
    awake = agent_host_client.awake(instance_id) if conditions.may_be_awake(instance) else 0
    return LiveInstance.of(instance, awake_children=awake)
