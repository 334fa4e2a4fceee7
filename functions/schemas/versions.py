"""Versions as they are shown: the shapes that several endpoints answer with."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, JsonValue

from functions.schemas.base import Reply
from shared_psql_models.statuses import VersionStatus


class VersionSummary(Reply):
    """A version in short."""

    id: str
    number: str
    changelog: str
    published_at: datetime
    status: Annotated[
        VersionStatus,
        Field(description="`deprecated`: better launch another. `yanked`: it can't be launched any more."),
    ]
    status_reason: Annotated[str, Field(description="Why it is deprecated or yanked, or empty.")]


class VersionDetails(VersionSummary):
    """A version."""

    config_schema: Annotated[
        dict[str, object], Field(description="JSON Schema 2020-12; properties that are `writeOnly` are secret.")
    ]
    retries: Annotated[int, Field(description="How often a run is tried again that was lost or that failed.")]
    interface: Annotated[
        dict[str, JsonValue],
        Field(description="What it offers to clients of protocols: `skills`, `tools`, `prompts`, `resources`."),
    ]


class AnyVersion(VersionSummary):
    """A version as administrators see it."""

    bundle_sha256: Annotated[str | None, Field(description="The digest of its bundle; null for an image.")]
    image: str | None
    published_by: Annotated[str, Field(description="An account's id, or `system`.")]
    status_changed_by: Annotated[str | None, Field(description="Who changed the status last.")]
    status_changed_at: datetime | None
    row_version: Annotated[int, Field(description="Counts the changes of its status; also its ETag.")]

    def etag(self) -> str:
        """Return the count of the changes of its status."""
        return str(self.row_version)
