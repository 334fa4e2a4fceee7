"""GET /v1/agents/{slug}/versions: the versions of an agent, newest first."""

from typing import Annotated

from pydantic import Field

from functions.domain.catalog import agents, versions
from functions.domain.catalog.agents import SLUG, AgentNotFound
from functions.domain.databases import SharedDb
from functions.runtime.endpoint import endpoint
from functions.schemas.base import Page, PageQuery
from functions.schemas.versions import VersionSummary


@endpoint("GET", "/v1/agents/{slug}/versions", errors=(AgentNotFound,))
def list_agent_versions(
    slug: Annotated[str, Field(pattern=SLUG, examples=["echo"])], query: PageQuery, db: SharedDb
) -> Page[VersionSummary]:
    """Versions never change; a later one has a later place, whatever its number."""
    agent = agents.find(db, slug)
    rows = versions.of_agent(db, agent.id, after=query.after(), limit=query.limit + 1)
    return query.page(rows, VersionSummary)
