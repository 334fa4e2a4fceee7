"""GET /v1/agents/{slug}: one agent of the catalog, with its channels and newest versions."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import Field

from functions.domain.catalog import agents, versions
from functions.domain.catalog.agents import SLUG, AgentNotFound
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.cache import Cache
from functions.runtime.providers.databases import SharedTransactions
from functions.schemas.base import Cached, Reply
from shared_psql_models.statuses import VersionStatus

NEWEST: Final = 5
"""Versions shown with the agent; its list of versions has the others."""


class Version(Reply):
    """A version in short."""

    number: str
    published_at: datetime
    status: Annotated[VersionStatus, Field(description="Of those that are `yanked` none can be launched.")]


class Agent(Reply):
    """An agent."""

    id: str
    slug: str
    name: str
    summary: str
    description: str
    tags: list[str]
    capabilities: list[str]
    channels: Annotated[dict[str, str], Field(description="The version that each channel points at.")]
    versions: Annotated[list[Version], Field(description="The newest versions, newest first.")]
    created_at: datetime
    updated_at: datetime


@endpoint("GET", "/v1/agents/{slug}", errors=(AgentNotFound,))
def read_agent(
    slug: Annotated[str, Field(pattern=SLUG, examples=["echo"])], cache: Cache, transaction: SharedTransactions
) -> Cached[Agent]:
    """Show it if it is listed; one that is not is as good as not there."""

    def read() -> Agent:
        with transaction() as db:
            agent = agents.find(db, slug)
            newest = versions.of_agent(db, agent.id, after=None, limit=NEWEST)
        return Agent.model_validate({**vars(agent), "versions": newest})

    return cache.through("catalog", f"agent:{slug}", read)
