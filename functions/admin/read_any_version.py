"""GET /v1/admin/agents/{slug}/versions/{number}: a version of an agent, listed or not, with the ETag for a change."""

from typing import Annotated

from pydantic import Field

from functions.domain.catalog import versions
from functions.domain.catalog.agents import SLUG, AgentNotFound
from functions.domain.catalog.versions import NUMBER, VersionNotFound
from functions.domain.databases import SharedDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import CatalogReader
from functions.schemas.versions import AnyVersion


@endpoint("GET", "/v1/admin/agents/{slug}/versions/{number}", errors=(AgentNotFound, VersionNotFound))
def read_any_version(
    _caller: CatalogReader,
    slug: Annotated[str, Field(pattern=SLUG, examples=["echo"])],
    number: Annotated[str, Field(pattern=NUMBER, max_length=64, examples=["1.0.0"])],
    db: SharedDb,
) -> AnyVersion:
    """Show who published it, and who deprecated or yanked it and why."""
    return AnyVersion.model_validate(versions.find(db, slug, number, unlisted=True))
