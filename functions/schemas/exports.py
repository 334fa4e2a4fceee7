"""Exports of accounts as they are shown."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field

from core.ids import pattern
from functions.domain.accounts import export_links, exports
from functions.schemas.base import Reply

ExportId = Annotated[str, Field(pattern=pattern("exp"), examples=["exp_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f"])]


class RequestedExport(Reply):
    """An export of an account."""

    id: ExportId
    requested_at: datetime
    expires_at: Annotated[datetime, Field(description="When it is deleted.")]


class ExportLink(Reply):
    """Where to get an export: whoever has the link needs no access token."""

    url: Annotated[str, Field(examples=["https://objects.example.com/exports/…?X-Amz-Expires=300&X-Amz-Signature=…"])]
    expires_at: Annotated[datetime, Field(description="Until when the link is good: ask for another then.")]


class Export(RequestedExport):
    """An export of an account, and where it is."""

    status: Annotated[Literal["queued", "done"], Field(description="Whether all of it is there.")]
    bytes: Annotated[int | None, Field(description="That the file has; null until it is done.")]
    link: Annotated[ExportLink | None, Field(description="Null until it is done.")]

    @classmethod
    def of(cls, export: exports.Export, link: export_links.ExportLink | None) -> Self:
        """Return an export as it is shown."""
        return cls(
            id=export.id,
            requested_at=export.requested_at,
            expires_at=export.expires_at,
            status="queued" if link is None else "done",
            bytes=export.bytes,
            link=None if link is None else ExportLink.model_validate(link),
        )
