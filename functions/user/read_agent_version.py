"""GET /v1/agents/{slug}/versions/{number}: one version of an agent, with the schema that its configs must fit."""

from typing import Annotated

from pydantic import Field

from functions.domain.catalog import versions
from functions.domain.catalog.agents import SLUG, AgentNotFound
from functions.domain.catalog.versions import NUMBER, VersionNotFound
from functions.domain.databases import SharedDb
from functions.runtime.endpoint import endpoint
from functions.schemas.versions import VersionDetails


@endpoint("GET", "/v1/agents/{slug}/versions/{number}", errors=(AgentNotFound, VersionNotFound))
def read_agent_version(
    slug: Annotated[str, Field(pattern=SLUG, examples=["echo"])],
    number: Annotated[str, Field(pattern=NUMBER, max_length=64, examples=["1.0.0"])],
    db: SharedDb,
) -> VersionDetails:
    """Build a form from `config_schema`, and send what was filled in as an instance's `config`.

    One that was yanked is shown too, and says why it can't be launched any more.
    """
    return VersionDetails.model_validate(versions.find(db, slug, number))
