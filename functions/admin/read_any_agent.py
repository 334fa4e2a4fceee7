"""GET /v1/admin/agents/{slug}: one agent, listed or not, with the ETag that a change of it needs."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from functions.domain.catalog import agents
from functions.domain.catalog.agents import SLUG, AgentNotFound
from functions.domain.databases import SharedDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import CatalogReader
from functions.schemas.agents import FeaturedRank
from functions.schemas.base import Reply


class AnyAgent(Reply):
    """An agent as administrators see it."""

    id: str
    slug: str
    name: str
    summary: str
    description: str
    tags: list[str]
    capabilities: list[str]
    featured_rank: FeaturedRank
    listed: bool
    channels: Annotated[dict[str, str], Field(description="The version that each channel points at.")]
    row_version: Annotated[int, Field(description="Counts its changes; also its ETag.")]
    created_at: datetime
    updated_at: datetime

    def etag(self) -> str:
        """Return the count of its changes."""
        return str(self.row_version)


@endpoint("GET", "/v1/admin/agents/{slug}", errors=(AgentNotFound,))
def read_any_agent(
    _caller: CatalogReader, slug: Annotated[str, Field(pattern=SLUG, examples=["echo"])], db: SharedDb
) -> AnyAgent:
    """Show it with the ETag to send as `If-Match` when you change it."""
    return AnyAgent.model_validate(agents.find(db, slug, unlisted=True))
