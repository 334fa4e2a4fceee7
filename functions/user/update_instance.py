"""PATCH /v1/instances/{instance_id}: change an instance's name, labels, config, version, limits or card."""

from typing import Annotated, Final

from pydantic import Field

from functions.domain.catalog.versions import NUMBER, Channel, VersionYanked
from functions.domain.databases import SharedDb
from functions.domain.instances import config_secrets, reading, updates
from functions.domain.instances.commands import InstanceDeleted
from functions.domain.instances.config_secrets import SecretsUnavailable
from functions.domain.instances.configs import ConfigInvalid
from functions.domain.instances.kill_switches import StoppedByOperator
from functions.domain.instances.labels import LabelsInvalid
from functions.domain.instances.launching import AgentUnknown, VersionAmbiguous
from functions.domain.instances.reading import InstanceNotFound
from functions.domain.instances.updates import Changes, InstanceChangedMeanwhile, Update
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import User
from functions.runtime.providers.databases import SharedTransactions
from functions.runtime.providers.if_match import IfMatch
from functions.schemas.base import Body, Kept
from functions.schemas.instance_ids import InstanceId
from functions.schemas.instance_specs import InstanceName, LabelKey, LabelValue, Limits
from functions.schemas.instances import Instance

_PATCH: Final = "What is left out stays as it is, and what is null goes (RFC 7396): null itself takes all of it away."


class InstanceChanges(Body):
    """What to change; what is left out stays as it is. Of `channel` and `version` at most one may be given."""

    name: Kept[InstanceName]
    labels: Annotated[
        dict[LabelKey, LabelValue | None] | None,
        Field(description=_PATCH, examples=[{"team": "support"}], default_factory=dict),
    ]
    config: Annotated[
        dict[str, object] | None,
        Field(
            description=f"{_PATCH} The whole must then fit the version's config_schema.",
            examples=[{"prefix": "> "}],
            default_factory=dict,
        ),
    ]
    limits: Annotated[Limits | None, Field(default_factory=Limits)]
    discoverable: Annotated[
        Kept[bool], Field(description="Whether anybody may read its A2A card, which says what it can do.")
    ]
    channel: Annotated[
        Kept[Annotated[Channel, Field(strict=False)]], Field(description="Move to what it points at now.")
    ]
    version: Kept[Annotated[str, Field(max_length=64, pattern=NUMBER)]]


def work_out(
    caller: User, instance_id: InstanceId, etags: IfMatch, changes: InstanceChanges, transaction: SharedTransactions
) -> Update:
    """Work out what the instance would be, and check that, which may take a moment."""
    wanted = Changes(
        name=changes.name,
        labels=changes.labels,
        limits=None if changes.limits is None else changes.limits.model_dump(exclude_unset=True),
        config=changes.config,
        channel=changes.channel,
        number=changes.version,
        discoverable=changes.discoverable,
    )
    with transaction() as db:
        base = updates.begin(db, instance_id, caller.id, etags, wanted)
    return updates.work_out(base, wanted)


@endpoint(
    "PATCH",
    "/v1/instances/{instance_id}",
    errors=(
        *(InstanceNotFound, InstanceDeleted, InstanceChangedMeanwhile, StoppedByOperator),
        *(AgentUnknown, VersionAmbiguous, VersionYanked, ConfigInvalid, LabelsInvalid, SecretsUnavailable),
    ),
    resources=Resources(group="function-schemas", secrets=(config_secrets.KEYS_NAME,)),
    prepare=work_out,
)
def update_instance(
    caller: User, instance_id: InstanceId, etags: IfMatch, update: Update, audit: Audit, db: SharedDb
) -> Instance:
    """Name, labels and `discoverable` are others at once. All else is tried first, and if that fails it stays so."""
    audit.was(Instance.of(reading.find(db, instance_id, owner_id=caller.id)))
    updates.apply(db, instance_id, caller.id, etags, update)
    return Instance.of(reading.find(db, instance_id))
