"""PATCH /v1/admin/agents/{slug}/versions/{number}: deprecate or yank a version, or take that back."""

from typing import Annotated, Self

from pydantic import Field, JsonValue, model_validator

from functions.domain.approvals import approvals
from functions.domain.approvals.approvals import Asked
from functions.domain.catalog import affected, version_statuses, versions
from functions.domain.catalog.agents import SLUG, AgentNotFound
from functions.domain.catalog.version_statuses import VersionChangedMeanwhile, VersionInChannel
from functions.domain.catalog.versions import NUMBER, VersionNotFound
from functions.domain.databases import SharedDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import CatalogEditor
from functions.runtime.providers.if_match import IfMatch
from functions.schemas.affected import StatusPreview
from functions.schemas.approvals import ApprovalNeeded
from functions.schemas.base import Body, ValidateOnly
from functions.schemas.channels import Reason
from functions.schemas.versions import AnyVersion
from shared_psql_models.statuses import VersionStatus


class NewStatus(Body):
    """The status, and why."""

    status: Annotated[
        VersionStatus,
        Field(
            strict=False,
            description="`deprecated`: whoever launches it reads the reason. `yanked`: nobody can launch it, and what "
            "runs of it goes on. `published`: neither.",
            examples=["deprecated"],
        ),
    ]
    reason: Reason = ""

    @model_validator(mode="after")
    def _has_a_reason(self) -> Self:
        if self.status != VersionStatus.PUBLISHED and not self.reason.strip():
            message = "Give a reason: people who run this version read it."
            raise ValueError(message)
        return self


@endpoint(
    "PATCH",
    "/v1/admin/agents/{slug}/versions/{number}",
    errors=(AgentNotFound, VersionNotFound, VersionInChannel, VersionChangedMeanwhile),
    resources=Resources(settings=(approvals.SETTING,)),
)
def change_version_status(
    caller: CatalogEditor,
    slug: Annotated[str, Field(pattern=SLUG, examples=["echo"])],
    number: Annotated[str, Field(pattern=NUMBER, max_length=64, examples=["1.0.0"])],
    etags: IfMatch,
    change: NewStatus,
    audit: Audit,
    query: ValidateOnly,
    db: SharedDb,
) -> AnyVersion | ApprovalNeeded | StatusPreview:
    """Change nothing else of it. A version that a channel leads to can't be yanked: move the channel first."""
    new = version_statuses.NewStatus(change.status, change.reason)
    if query.validate_only:
        version_statuses.check(db, slug, number, etags, new)
        return StatusPreview.model_validate(affected.by(db, slug, number))
    if new.status == VersionStatus.YANKED and approvals.are_needed():
        version = version_statuses.check(db, slug, number, etags, new)
        kept: dict[str, JsonValue] = {"slug": slug, "number": number, "row_version": version.row_version}
        asked = Asked("change_version_status", kept | {"status": new.status.value}, version.id, new.reason)
        return ApprovalNeeded.model_validate(approvals.request(db, caller.id, asked))
    audit.was(AnyVersion.model_validate(versions.find(db, slug, number, unlisted=True)))
    version = version_statuses.change(db, slug, number, etags, new)
    return AnyVersion.model_validate(version)
