"""GET /v1/admin/agents/{slug}/versions/{number}/affected: whom it concerns if a version is deprecated or yanked."""

from typing import Annotated

from pydantic import Field

from functions.domain.catalog import affected
from functions.domain.catalog.agents import SLUG, AgentNotFound
from functions.domain.catalog.versions import NUMBER, VersionNotFound
from functions.domain.databases import SharedDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import CatalogReader
from functions.schemas.affected import Affected


@endpoint("GET", "/v1/admin/agents/{slug}/versions/{number}/affected", errors=(AgentNotFound, VersionNotFound))
def read_affected(
    _caller: CatalogReader,
    slug: Annotated[str, Field(pattern=SLUG, examples=["echo"])],
    number: Annotated[str, Field(pattern=NUMBER, max_length=64, examples=["1.0.0"])],
    db: SharedDb,
) -> Affected:
    """Look before you deprecate or yank it, or move a channel away from it."""
    return Affected.model_validate(affected.by(db, slug, number))
