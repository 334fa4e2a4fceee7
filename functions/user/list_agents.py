"""GET /v1/agents: the catalog's agents, newest first; `q` searches name, summary, description and slug."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from functions.domain.catalog import agents
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.cache import Cache
from functions.runtime.providers.databases import SharedTransactions
from functions.schemas.base import Cached, Page, PageQuery, Reply


class AgentQuery(PageQuery):
    """What to look for, and which page of it."""

    q: Annotated[
        str | None,
        Field(
            max_length=100,
            description="Words that must all occur in the agent's name, summary, description or slug.",
            examples=["questions"],
        ),
    ] = None


class AgentSummary(Reply):
    """An agent in short."""

    id: str
    slug: str
    name: str
    summary: str
    channels: Annotated[dict[str, str], Field(description="The version that each channel points at.")]
    created_at: datetime


@endpoint("GET", "/v1/agents")
def list_agents(query: AgentQuery, cache: Cache, transaction: SharedTransactions) -> Cached[Page[AgentSummary]]:
    """Case, accents and width don't count to `q`, and none of its characters is a wildcard."""

    def search() -> Page[AgentSummary]:
        with transaction() as db:
            rows = agents.search(db, query.q, after=query.after(), limit=query.limit + 1)
        return query.page(rows, AgentSummary)

    return cache.through("catalog", f"agents:{query.model_dump_json()}", search)
