"""POST /v1/instances: launch an instance of an agent, with a config of one's own."""

from typing import Annotated

from pydantic import Field

from core.ids import new_id
from functions.domain.catalog.agents import SLUG
from functions.domain.catalog.versions import NUMBER, Channel, VersionYanked
from functions.domain.databases import SharedDb
from functions.domain.instances import confinement, launching, reading
from functions.domain.instances.configs import ConfigInvalid
from functions.domain.instances.confinement import AgentsNotAllowed
from functions.domain.instances.launching import AgentUnknown, Launch, VersionAmbiguous
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.runtime.providers.databases import SharedTransactions
from functions.schemas.base import LINE, Body
from functions.schemas.instances import Instance


class NewInstance(Body):
    """What to launch. Of `channel` and `version` at most one may be given; without either it is the stable channel."""

    agent: Annotated[str, Field(pattern=SLUG, description="The agent's slug.", examples=["echo"])]
    name: Annotated[str, Field(min_length=1, max_length=100, pattern=LINE, examples=["My echo"])]
    config: Annotated[
        dict[str, object],
        Field(
            description="Must fit the version's config_schema, whose defaults fill what is left out.",
            examples=[{"prefix": "> "}],
            default_factory=dict,
        ),
    ]
    channel: Annotated[Channel | None, Field(strict=False)] = None
    version: Annotated[str | None, Field(max_length=64, pattern=NUMBER, examples=["1.0.0"])] = None


def complete(wanted: NewInstance, transaction: SharedTransactions) -> Launch:
    """Find the version and complete the config, which may take a moment."""
    confinement.check()
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
    errors=(AgentsNotAllowed, AgentUnknown, VersionAmbiguous, VersionYanked, ConfigInvalid),
    resources=Resources(group="function-schemas", settings=(confinement.SETTING,)),
    prepare=complete,
)
def create_instance(caller: User, wanted: NewInstance, launch: Launch, db: SharedDb) -> Instance:
    """Start it at once: read it again until its status is `running`."""
    instance_id = launching.create(db, caller.id, name=wanted.name, launch=launch)
    return Instance.of(reading.find(db, instance_id))
