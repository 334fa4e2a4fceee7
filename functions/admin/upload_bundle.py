"""PUT /v1/admin/bundle-uploads/{sha256}: put a bundle where a link leads that was given out for it."""

from typing import Annotated, ClassVar

from pydantic import Field

from functions.domain import signed_links
from functions.domain.catalog import bundle_store, bundle_uploads
from functions.domain.catalog.bundle_store import BundleStoreUnavailable
from functions.domain.catalog.bundle_uploads import UploadExpired, UploadOther
from functions.domain.catalog.bundles import MAX_PACKED_BYTES
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.file_body import File
from functions.schemas.bundles import BundleSha256
from functions.schemas.signed_links import LinkQuery


class UploadQuery(LinkQuery):
    """What a link to where a bundle is put has behind its question mark."""

    length: Annotated[int, Field(ge=1, le=MAX_PACKED_BYTES, examples=[1024], description="Bytes.")]


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
        secrets=(*bundle_store.SECRETS, signed_links.KEYS_NAME),
    ),
    max_body=MAX_PACKED_BYTES,
    audited=False,
)
def upload_bundle(sha256: BundleSha256, link: UploadQuery, bundle: Zip) -> None:
    """Where bundles are kept in S3, the link leads there instead."""
    bundle_uploads.accept(sha256, link.length, link.expires, link.signature, bundle.content)
