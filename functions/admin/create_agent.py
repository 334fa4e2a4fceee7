"""POST /v1/admin/agents: add an agent to the catalog."""

from typing import Annotated, Final

from pydantic import Field

from functions.domain.catalog import agents
from functions.domain.catalog.agents import SLUG, SlugTaken
from functions.domain.databases import SharedDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import CatalogEditor
from functions.schemas.agents import Capabilities, Description, Name, Summary, Tags
from functions.schemas.base import Body, Reply

MAX_BODY: Final = 256 * 1024
"""Bytes: a description of any script, in which JSON may write a character as twelve."""


class NewAgent(Body):
    """What the catalog says of the agent."""

    slug: Annotated[str, Field(pattern=SLUG, description="Its name in addresses; it never changes.", examples=["poet"])]
    name: Annotated[Name, Field(examples=["Poet"])]
    summary: Annotated[Summary, Field(examples=["Answers in verse."])]
    description: Description = ""
    tags: Annotated[Tags, Field(default_factory=list)]
    capabilities: Annotated[Capabilities, Field(default_factory=list)]
    listed: Annotated[bool, Field(description="Whether people find it in the catalog.")] = True


class AgentCreated(Reply):
    """The agent that was added."""

    id: str
    slug: str


@endpoint("POST", "/v1/admin/agents", status=201, errors=(SlugTaken,), max_body=MAX_BODY)
def create_agent(_caller: CatalogEditor, agent: NewAgent, db: SharedDb) -> AgentCreated:
    """Add it without a version: publish one next."""
    agent_id = agents.create(
        db,
        agent.slug,
        name=agent.name,
        summary=agent.summary,
        description=agent.description,
        tags=agent.tags,
        capabilities=agent.capabilities,
        listed=agent.listed,
    )
    return AgentCreated(id=agent_id, slug=agent.slug)
