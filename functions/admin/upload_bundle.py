"""PUT /v1/admin/bundle-uploads/{sha256}: put a bundle where a link leads that was given out for it."""

from typing import Annotated, ClassVar

from pydantic import Field

from functions.domain.catalog import bundle_store, bundle_uploads
from functions.domain.catalog.bundle_store import BundleStoreUnavailable
from functions.domain.catalog.bundle_uploads import UploadExpired, UploadOther
from functions.domain.catalog.bundles import MAX_PACKED_BYTES
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.file_body import File
from functions.schemas.base import Query
from functions.schemas.bundles import BundleSha256


class Link(Query):
    """What a link has behind its question mark."""

    length: Annotated[int, Field(ge=1, le=MAX_PACKED_BYTES, examples=[1024], description="Bytes.")]
    expires: Annotated[int, Field(ge=0, le=1 << 40, examples=[1764547200], description="Seconds since 1970.")]
    signature: Annotated[str, Field(max_length=64, examples=["0PmDHBpS1-nJLHtFyEz5V4ZPM2vVdd1nV0ONlh2Nw7o"])]


class Zip(File):
    """A bundle."""

    media_type: ClassVar[str] = bundle_uploads.CONTENT_TYPE


# Its entries are those of who asked for the link, and of who publishes it.
@endpoint(
    "PUT",
    bundle_uploads.PATH,
    status=204,
    errors=(UploadExpired, UploadOther, BundleStoreUnavailable),
    resources=Resources(
        memory="256Mi",
        group="function-publishing",
        settings=(bundle_store.SETTING,),
        secrets=(*bundle_store.SECRETS, bundle_uploads.KEYS_NAME),
    ),
    max_body=MAX_PACKED_BYTES,
    audited=False,
)
def upload_bundle(sha256: BundleSha256, link: Link, bundle: Zip) -> None:
    """Where bundles are kept in S3, the link leads there instead."""
    bundle_uploads.accept(sha256, link.length, link.expires, link.signature, bundle.content)
