"""PUT /v1/admin/agents/{slug}/channels/{channel}: point a channel at another version, or give it a candidate."""

from typing import Annotated

from pydantic import Field

from functions.domain.catalog import affected, channels
from functions.domain.catalog.agents import SLUG, AgentNotFound
from functions.domain.catalog.channels import ChannelChangedMeanwhile, ChannelMoveInvalid, Place, Target, Why
from functions.domain.catalog.versions import NUMBER, Channel
from functions.domain.databases import SharedDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import CatalogEditor
from functions.runtime.providers.if_match import IfMatch
from functions.schemas.affected import ChannelPreview
from functions.schemas.base import Body, ValidateOnly
from functions.schemas.channels import AgentChannel, Reason

Number = Annotated[str, Field(pattern=NUMBER, max_length=64, examples=["1.0.0"])]


class NewCandidate(Body):
    """A version that a share of new instances gets in place of the channel's own."""

    version: Number
    percent: Annotated[int, Field(ge=0, le=100, examples=[10])]


class NewTarget(Body):
    """Where the channel shall point: all of it, since what is left out is taken away."""

    version: Annotated[Number | None, Field(description="Null for nothing.")]
    candidate: NewCandidate | None = None
    force: Annotated[
        bool, Field(description="Move it down, to nothing, or `stable` to a pre-release; then give a reason.")
    ] = False
    reason: Reason = ""


@endpoint(
    "PUT",
    "/v1/admin/agents/{slug}/channels/{channel}",
    errors=(AgentNotFound, ChannelMoveInvalid, ChannelChangedMeanwhile),
)
def move_channel(
    _caller: CatalogEditor,
    slug: Annotated[str, Field(pattern=SLUG, examples=["echo"])],
    channel: Annotated[Channel, Field(examples=["stable"])],
    etags: IfMatch,
    target: NewTarget,
    audit: Audit,
    query: ValidateOnly,
    db: SharedDb,
) -> AgentChannel | ChannelPreview:
    """Lead new instances there from now on; those that there are keep their version."""
    wanted = Target(target.version)
    if target.candidate is not None:
        wanted = Target(target.version, target.candidate.version, target.candidate.percent)
    why = Why(target.reason, force=target.force)
    if query.validate_only:
        present = channels.check(db, Place(slug, channel), etags, wanted, why)
        return ChannelPreview.model_validate({"shares": affected.by_move(db, slug, present.target(), wanted)})
    audit.was(AgentChannel.of(channels.read(db, Place(slug, channel))))
    moved = channels.move(db, Place(slug, channel), etags, wanted, why)
    return AgentChannel.of(moved)
