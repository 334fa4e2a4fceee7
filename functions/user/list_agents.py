"""GET /v1/agents: the catalog's agents, newest first; of those that `q` finds first those named so."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from functions.domain.catalog import agents
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.cache import Cache
from functions.runtime.providers.databases import SharedTransactions
from functions.schemas.agents import AgentQuery, FeaturedRank
from functions.schemas.base import Cached, Page, Reply


class AgentSummary(Reply):
    """An agent in short."""

    id: str
    slug: str
    name: str
    summary: str
    tags: list[str]
    capabilities: list[str]
    featured_rank: FeaturedRank
    channels: Annotated[dict[str, str], Field(description="The version that each channel points at.")]
    created_at: datetime


@endpoint("GET", "/v1/agents")
def list_agents(query: AgentQuery, cache: Cache, transaction: SharedTransactions) -> Cached[Page[AgentSummary]]:
    """Case, accents and width don't count to `q`, and none of its characters is a wildcard."""

    def search() -> Page[AgentSummary]:
        with transaction() as db:
            rows = agents.search(db, query.wanted(), after=query.after(), limit=query.limit + 1)
        return query.page(rows, AgentSummary, key="place")

    return cache.through("catalog", f"agents:{query.model_dump_json()}", search)
