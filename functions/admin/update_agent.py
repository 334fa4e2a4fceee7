"""PATCH /v1/admin/agents/{slug}: change what the catalog says of an agent."""

from datetime import datetime
from typing import Annotated, ClassVar, Final

from pydantic import Field

from functions.domain.catalog import agents
from functions.domain.catalog.agents import SLUG, AgentChangedMeanwhile, AgentNotFound
from functions.domain.databases import SharedDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import CatalogEditor
from functions.runtime.providers.if_match import IfMatch
from functions.schemas.agents import Capabilities, Description, FeaturedRank, Name, Summary, Tags
from functions.schemas.base import Body, Reply

MAX_BODY: Final = 256 * 1024
"""Bytes: a description of any script, in which JSON may write a character as twelve."""


class AgentChanges(Body):
    """What to change; null or left out stays as it is."""

    name: Name | None = None
    summary: Annotated[Summary | None, Field(examples=["Repeats what you say."])] = None
    description: Description | None = None
    tags: Tags | None = None
    capabilities: Capabilities | None = None
    featured_rank: Annotated[FeaturedRank | None, Field(description="0 features it no more.")] = None
    listed: Annotated[bool | None, Field(description="Whether people find it in the catalog.")] = None


class AgentUpdated(Reply):
    """The agent as it is now."""

    untold: ClassVar[frozenset[str]] = frozenset({"description"})

    id: str
    slug: str
    name: str
    summary: str
    description: str
    tags: list[str]
    capabilities: list[str]
    featured_rank: FeaturedRank
    listed: bool
    row_version: Annotated[int, Field(description="Counts its changes; also its ETag.")]
    updated_at: datetime

    def etag(self) -> str:
        """Return the count of its changes."""
        return str(self.row_version)


@endpoint("PATCH", "/v1/admin/agents/{slug}", errors=(AgentNotFound, AgentChangedMeanwhile), max_body=MAX_BODY)
def update_agent(
    _caller: CatalogEditor,
    slug: Annotated[str, Field(pattern=SLUG, examples=["echo"])],
    etags: IfMatch,
    changes: AgentChanges,
    audit: Audit,
    db: SharedDb,
) -> AgentUpdated:
    """Change what is given; instances of an agent that is no longer listed keep working."""
    audit.was(AgentUpdated.model_validate(agents.find(db, slug, unlisted=True)))
    agent = agents.change(db, slug, etags, changes.model_dump(exclude_none=True))
    return AgentUpdated.model_validate(agent)
