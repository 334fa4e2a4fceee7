"""GET /v1/admin/agents/{slug}/channels/{channel}/moves: where a channel pointed before, newest first."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from functions.domain.catalog import channels
from functions.domain.catalog.agents import SLUG, AgentNotFound
from functions.domain.catalog.channels import MoveKind, Place
from functions.domain.catalog.versions import Channel
from functions.domain.databases import SharedDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import CatalogReader
from functions.schemas.base import Page, PageQuery, Reply


class ChannelMove(Reply):
    """A move of the channel; versions are told by their numbers."""

    id: str
    kind: MoveKind
    previous: Annotated[str | None, Field(description="Where it pointed before.")]
    version: str | None
    candidate: str | None
    percent: Annotated[int | None, Field(description="The candidate's share.")]
    reason: str
    moved_by: Annotated[str, Field(description="An account's id, or `system`.")]
    moved_at: datetime


@endpoint("GET", "/v1/admin/agents/{slug}/channels/{channel}/moves", errors=(AgentNotFound,))
def list_channel_moves(
    _caller: CatalogReader,
    slug: Annotated[str, Field(pattern=SLUG, examples=["echo"])],
    channel: Annotated[Channel, Field(examples=["stable"])],
    query: PageQuery,
    db: SharedDb,
) -> Page[ChannelMove]:
    """Each says who moved it and why."""
    rows = channels.moves(db, Place(slug, channel), after=query.after(), limit=query.limit + 1)
    return query.page(rows, ChannelMove)
