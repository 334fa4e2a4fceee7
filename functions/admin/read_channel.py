"""GET /v1/admin/agents/{slug}/channels/{channel}: where a channel points, with the ETag that moving it needs."""

from typing import Annotated

from pydantic import Field

from functions.domain.catalog import channels
from functions.domain.catalog.agents import SLUG, AgentNotFound
from functions.domain.catalog.channels import Place
from functions.domain.catalog.versions import Channel
from functions.domain.databases import SharedDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import CatalogReader
from functions.schemas.channels import AgentChannel


@endpoint("GET", "/v1/admin/agents/{slug}/channels/{channel}", errors=(AgentNotFound,))
def read_channel(
    _caller: CatalogReader,
    slug: Annotated[str, Field(pattern=SLUG, examples=["echo"])],
    channel: Annotated[Channel, Field(examples=["stable"])],
    db: SharedDb,
) -> AgentChannel:
    """Every agent has both channels, which point at nothing at first."""
    return AgentChannel.of(channels.read(db, Place(slug, channel)))
