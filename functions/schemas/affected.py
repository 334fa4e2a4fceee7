"""Whom a change of the catalog concerns, as it is shown."""

from typing import Annotated, ClassVar

from pydantic import Field

from functions.schemas.base import Reply


class Affected(Reply):
    """What a version is used for at this moment."""

    version_id: Annotated[
        str, Field(description="`GET /v1/admin/instances?version_id=…` lists its instances, for whoever may see them.")
    ]
    instances: Annotated[int, Field(description="That are of it, which go on whatever its status is; 10,000 at most.")]
    running: Annotated[int, Field(description="Of these, that are to run.")]
    owners: Annotated[int, Field(description="To whom these belong.")]
    channels: Annotated[
        list[str],
        Field(description="That lead there: move them before you yank it.", examples=[["beta"]]),
    ]


class StatusPreview(Affected):
    """Whom a new status would concern. Nothing has changed."""

    http_status: ClassVar[int | None] = 200


class VersionShare(Reply):
    """What a move of a channel does to a version."""

    version: Annotated[str, Field(description="The number.", examples=["1.0.0"])]
    percent_before: Annotated[int, Field(description="Of the channel's new instances that get it.")]
    percent_after: int
    affected: Affected


class ChannelPreview(Reply):
    """What a move would do: to new instances, since those that there are keep their version. Nothing has changed."""

    http_status: ClassVar[int | None] = 200

    shares: Annotated[
        list[VersionShare], Field(description="Of each version that the channel leads to before it, or after it.")
    ]
