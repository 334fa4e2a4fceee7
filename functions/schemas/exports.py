"""Exports of accounts as they are shown."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field

from core.ids import pattern
from functions.domain.accounts import exports
from functions.schemas.base import Reply

ExportId = Annotated[str, Field(pattern=pattern("exp"), examples=["exp_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f"])]


class RequestedExport(Reply):
    """An export of an account."""

    id: ExportId
    requested_at: datetime
    expires_at: Annotated[datetime, Field(description="When it is deleted.")]


class Export(RequestedExport):
    """An export of an account, and where it is."""

    status: Annotated[Literal["queued", "done"], Field(description="Whether all of it is there.")]
    bytes: Annotated[int | None, Field(description="That it has; null until it is done.")]
    link: Annotated[
        str | None, Field(description="Where to get it, with an access token as here; null until it is done.")
    ]

    @classmethod
    def of(cls, export: exports.Export) -> Self:
        """Return an export as it is shown."""
        done = export.finished_at is not None
        return cls(
            id=export.id,
            requested_at=export.requested_at,
            expires_at=export.expires_at,
            status="done" if done else "queued",
            bytes=export.bytes,
            link=f"/v1/me/export/{export.id}/content" if done else None,
        )
