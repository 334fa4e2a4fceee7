"""Channels as they are shown: the shape that several endpoints answer with."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field

from functions.domain.catalog.channels import PointedChannel
from functions.domain.catalog.versions import Channel
from functions.schemas.base import Reply

Reason = Annotated[str, Field(max_length=500, description="Why, for people.", examples=["It loses answers."])]


class Candidate(Reply):
    """A version that a share of new instances gets; each instance is in the share or not, and stays so."""

    version: str
    percent: Annotated[int, Field(description="The share, 0 to 100.")]


class AgentChannel(Reply):
    """A channel, and where it points."""

    name: Channel
    version: Annotated[str | None, Field(description="Its version's number, or null while it points at nothing.")]
    candidate: Candidate | None
    row_version: Annotated[int, Field(description="Counts its moves; also its ETag.")]
    updated_at: Annotated[datetime | None, Field(description="When it was moved last, or null if never.")]

    @classmethod
    def of(cls, channel: PointedChannel) -> Self:
        """Build the response."""
        candidate = channel.candidate and {"version": channel.candidate, "percent": channel.percent}
        return cls.model_validate({**vars(channel), "candidate": candidate or None})

    def etag(self) -> str:
        """Return the count of its moves."""
        return str(self.row_version)
