"""PUT /v1/instances/{instance_id}/secrets/{name}: give a secret of an instance another value."""

from typing import Annotated

from pydantic import Field, JsonValue

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
from functions.schemas.base import Body
from functions.schemas.instance_ids import InstanceId
from functions.schemas.instance_secrets import InstanceSecret, SecretName


class NewSecret(Body):
    """A secret's value."""

    value: Annotated[
        JsonValue,
        Field(
            description="Must fit the setting of this name in the version's config_schema, which must be `writeOnly`.",
            examples=["sk-3b1f7d"],
            repr=False,
        ),
    ]


def work_out(
    caller: User, instance_id: InstanceId, name: SecretName, new: NewSecret, transaction: SharedTransactions
) -> SecretChange:
    """Check the config that comes of it, which may take a moment."""
    with transaction() as db:
        base = updates.opened(db, updates.begin(db, instance_id, caller.id, None, NOTHING_ELSE))
    return secret_changes.put(base, name, new.value)


@endpoint(
    "PUT",
    "/v1/instances/{instance_id}/secrets/{name}",
    errors=(
        *(InstanceNotFound, InstanceDeleted, InstanceChangedMeanwhile),
        *(UnknownSecret, SecretChangedMeanwhile, ConfigInvalid, SecretsUnavailable),
    ),
    resources=Resources(group="function-schemas", secrets=(config_secrets.KEYS_NAME,)),
    prepare=work_out,
)
def set_instance_secret(
    caller: User, change: SecretChange, conditions: StateConditions, db: SharedDb
) -> InstanceSecret:
    """Try it first, as a new generation: if the agent doesn't start with it, the value before it stays in force."""
    secret_changes.write(db, caller.id, change, conditions.hold)
    return InstanceSecret.model_validate(secret_changes.find(db, change.instance_id, change.name))
