"""POST /v1/admin/bundle-uploads: where to put a bundle, to publish it afterwards by its SHA-256."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from functions.domain import signed_links
from functions.domain.catalog import bundle_store, bundle_uploads
from functions.domain.catalog.bundle_store import BundleStoreUnavailable
from functions.domain.catalog.bundles import MAX_PACKED_BYTES
from functions.domain.databases import SharedDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import CatalogEditor
from functions.schemas.base import Body, Reply
from functions.schemas.bundles import BundleSha256


class NewUpload(Body):
    """The bundle that is to come."""

    sha256: BundleSha256
    length: Annotated[int, Field(ge=1, le=MAX_PACKED_BYTES, description="Its bytes.", examples=[1024])]


class BundleUpload(Reply):
    """The request that puts it there: whoever sends it needs no access token."""

    method: Literal["PUT"] = "PUT"
    url: Annotated[str, Field(examples=["https://objects.example.com/uploads/…?X-Amz-Expires=900&X-Amz-Signature=…"])]
    header_fields: Annotated[
        dict[str, str],
        Field(description="Headers to send with it, just so.", examples=[{"Content-Type": "application/zip"}]),
    ]
    expires_at: Annotated[datetime, Field(description="Until when the link is good: ask for another then.")]


@endpoint(
    "POST",
    "/v1/admin/bundle-uploads",
    errors=(BundleStoreUnavailable,),
    resources=Resources(
        memory="256Mi",
        group="function-publishing",
        settings=("API_URL", bundle_store.SETTING),
        secrets=(*bundle_store.SECRETS, signed_links.KEYS_NAME),
    ),
)
def create_bundle_upload(_caller: CatalogEditor, wanted: NewUpload, audit: Audit, _db: SharedDb) -> BundleUpload:
    """Nothing else can be put there. What isn't published within a week is taken away."""
    audit.about(wanted.sha256)
    return BundleUpload.model_validate(bundle_uploads.give(wanted.sha256, wanted.length))
