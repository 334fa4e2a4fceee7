"""DELETE /v1/instances/{instance_id}/secrets/{name}: take a secret of an instance away."""

from functions.domain.databases import SharedDb
from functions.domain.instances import config_secrets, secret_changes, updates
from functions.domain.instances.commands import InstanceDeleted
from functions.domain.instances.config_secrets import SecretsUnavailable
from functions.domain.instances.configs import ConfigInvalid
from functions.domain.instances.reading import InstanceNotFound
from functions.domain.instances.secret_changes import NOTHING_ELSE, SecretChange, SecretChangedMeanwhile, UnknownSecret
from functions.domain.instances.updates import InstanceChangedMeanwhile
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.runtime.providers.databases import SharedTransactions
from functions.runtime.providers.if_match import StateConditions
from functions.schemas.instance_ids import InstanceId
from functions.schemas.instance_secrets import SecretName


def work_out(caller: User, instance_id: InstanceId, name: SecretName, transaction: SharedTransactions) -> SecretChange:
    """Check the config that is left, which may take a moment."""
    with transaction() as db:
        base = updates.opened(db, updates.begin(db, instance_id, caller.id, None, NOTHING_ELSE))
    return secret_changes.drop(base, name)


@endpoint(
    "DELETE",
    "/v1/instances/{instance_id}/secrets/{name}",
    status=204,
    errors=(
        *(InstanceNotFound, InstanceDeleted, InstanceChangedMeanwhile),
        *(UnknownSecret, SecretChangedMeanwhile, ConfigInvalid, SecretsUnavailable),
    ),
    resources=Resources(group="function-schemas", secrets=(config_secrets.KEYS_NAME,)),
    prepare=work_out,
)
def delete_instance_secret(caller: User, change: SecretChange, conditions: StateConditions, db: SharedDb) -> None:
    """Try the agent without it first, as a new generation. A default of the schema's takes its place."""
    secret_changes.write(db, caller.id, change, conditions.hold)
