"""POST /v1/admin/agents/{slug}/channels/{channel}/roll-back: point it at the version that its present one replaced."""

from typing import Annotated

from pydantic import Field

from functions.domain.catalog import channels
from functions.domain.catalog.agents import SLUG, AgentNotFound
from functions.domain.catalog.channels import ChannelChangedMeanwhile, NothingToRollBackTo, Place
from functions.domain.catalog.versions import Channel
from functions.domain.databases import SharedDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import CatalogEditor
from functions.runtime.providers.if_match import IfMatch
from functions.schemas.base import Body
from functions.schemas.channels import AgentChannel, Reason


class RollBack(Body):
    """Why."""

    reason: Annotated[Reason, Field(min_length=1)]


@endpoint(
    "POST",
    "/v1/admin/agents/{slug}/channels/{channel}/roll-back",
    errors=(AgentNotFound, NothingToRollBackTo, ChannelChangedMeanwhile),
)
def roll_back_channel(
    _caller: CatalogEditor,
    slug: Annotated[str, Field(pattern=SLUG, examples=["echo"])],
    channel: Annotated[Channel, Field(examples=["stable"])],
    etags: IfMatch,
    why: RollBack,
    audit: Audit,
    db: SharedDb,
) -> AgentChannel:
    """Again is one further back; yanked versions are passed over, and a candidate ends."""
    audit.was(AgentChannel.of(channels.read(db, Place(slug, channel))))
    moved = channels.roll_back(db, Place(slug, channel), etags, why.reason)
    return AgentChannel.of(moved)
