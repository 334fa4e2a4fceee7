"""POST /v1/instances: launch an instance of an agent, with a config of one's own."""

from typing import Annotated, ClassVar

from pydantic import Field

from core.ids import new_id
from functions.domain import verified_accounts
from functions.domain.catalog.agents import SLUG
from functions.domain.catalog.versions import NUMBER, Channel, VersionYanked
from functions.domain.databases import SharedDb
from functions.domain.instances import config_secrets, labels, launching, quotas, reading
from functions.domain.instances.config_secrets import SecretsUnavailable
from functions.domain.instances.configs import ConfigInvalid
from functions.domain.instances.kill_switches import StoppedByOperator
from functions.domain.instances.labels import LabelsInvalid
from functions.domain.instances.launching import AgentUnknown, Launch, Traits, VersionAmbiguous
from functions.domain.instances.quotas import QuotaExceeded
from functions.domain.instances.redaction import redacted
from functions.domain.verified_accounts import EmailUnverified
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.runtime.providers.databases import SharedTransactions
from functions.schemas.base import Body, Reply, ValidateOnly
from functions.schemas.instance_specs import InstanceName, LabelKey, LabelValue, Limits
from functions.schemas.instances import Instance


class NewInstance(Body):
    """What to launch. Of `channel` and `version` at most one may be given; without either it is the stable channel."""

    agent: Annotated[str, Field(pattern=SLUG, description="The agent's slug.", examples=["echo"])]
    name: InstanceName
    config: Annotated[
        dict[str, object],
        Field(
            description="Must fit the version's config_schema, whose defaults fill what is left out.",
            examples=[{"prefix": "> "}],
            default_factory=dict,
        ),
    ]
    labels: Annotated[dict[LabelKey, LabelValue], Field(examples=[{"team": "support"}], default_factory=dict)]
    limits: Annotated[Limits, Field(default_factory=Limits)]
    channel: Annotated[Channel | None, Field(strict=False)] = None
    version: Annotated[str | None, Field(max_length=64, pattern=NUMBER, examples=["1.0.0"])] = None


class InstanceDraft(Reply):
    """What would be created, had it not been asked for a check alone."""

    http_status: ClassVar[int | None] = 200

    agent: str
    version: Annotated[str, Field(description="The number of the agent's version.")]
    name: str
    config: Annotated[dict[str, object], Field(description="With defaults filled in, and secrets masked.")]
    labels: dict[str, str]
    limits: dict[str, int]


def complete(wanted: NewInstance, transaction: SharedTransactions) -> Launch:
    """Find the version and complete the config, which may take a moment."""
    labels.check(wanted.labels)
    instance_id = new_id("ins")
    with transaction() as db:
        version = launching.choose(
            db, wanted.agent, instance_id=instance_id, channel=wanted.channel, number=wanted.version
        )
    return launching.fit(instance_id, version, wanted.config)


@endpoint(
    "POST",
    "/v1/instances",
    status=201,
    errors=(
        *(AgentUnknown, VersionAmbiguous, VersionYanked, ConfigInvalid, LabelsInvalid),
        *(EmailUnverified, StoppedByOperator, QuotaExceeded, SecretsUnavailable),
    ),
    resources=Resources(
        group="function-schemas",
        settings=(quotas.SETTING, verified_accounts.SETTING),
        secrets=(config_secrets.KEYS_NAME,),
    ),
    prepare=complete,
)
def create_instance(
    caller: User, wanted: NewInstance, query: ValidateOnly, launch: Launch, db: SharedDb
) -> Instance | InstanceDraft:
    """Start it at once: read it again until its status is `running`."""
    traits = Traits(wanted.name, wanted.labels, wanted.limits.model_dump(exclude_none=True))
    if query.validate_only:
        launching.check(db, caller.id, launch)
        return InstanceDraft(
            agent=wanted.agent,
            version=launch.version,
            config=redacted(launch.config, launch.secret_places),
            **vars(traits),
        )
    return Instance.of(reading.find(db, launching.create(db, caller.id, launch, traits)))
