"""GET /v1/agents/{slug}/versions/{number}: one version of an agent, with the schema that its configs must fit."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from functions.domain.catalog import versions
from functions.domain.catalog.agents import SLUG, AgentNotFound
from functions.domain.catalog.versions import NUMBER, VersionNotFound
from functions.domain.databases import SharedDb
from functions.runtime.endpoint import endpoint
from functions.schemas.base import Reply


class VersionDetails(Reply):
    """A version."""

    id: str
    number: str
    config_schema: Annotated[
        dict[str, object], Field(description="JSON Schema 2020-12; properties that are `writeOnly` are secret.")
    ]
    changelog: str
    published_at: datetime


@endpoint("GET", "/v1/agents/{slug}/versions/{number}", errors=(AgentNotFound, VersionNotFound))
def read_agent_version(
    slug: Annotated[str, Field(pattern=SLUG, examples=["echo"])],
    number: Annotated[str, Field(pattern=NUMBER, max_length=64, examples=["1.0.0"])],
    db: SharedDb,
) -> VersionDetails:
    """Build a form from `config_schema`, and send what was filled in as an instance's `config`."""
    return VersionDetails.model_validate(versions.resolve(db, slug, number=number))
