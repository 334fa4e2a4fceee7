"""GET /v1/admin/agents: all agents, listed or not, newest first; of those that `q` finds first those named so."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from functions.domain.catalog import agents
from functions.domain.databases import SharedDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import CatalogReader
from functions.schemas.agents import AgentQuery, FeaturedRank
from functions.schemas.base import Page, Reply


class AnyAgentSummary(Reply):
    """An agent in short, as administrators see it."""

    id: str
    slug: str
    name: str
    summary: str
    tags: list[str]
    capabilities: list[str]
    featured_rank: FeaturedRank
    listed: bool
    channels: Annotated[dict[str, str], Field(description="The version that each channel points at.")]
    created_at: datetime


@endpoint("GET", "/v1/admin/agents")
def list_all_agents(_caller: CatalogReader, query: AgentQuery, db: SharedDb) -> Page[AnyAgentSummary]:
    """Case, accents and width don't count to `q`, and none of its characters is a wildcard."""
    rows = agents.search(db, query.wanted(unlisted=True), after=query.after(), limit=query.limit + 1)
    return query.page(rows, AnyAgentSummary, key="place")
