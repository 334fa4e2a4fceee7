"""Uploads of bundles: a curator is given a link, puts the bundle there, and publishes it by its SHA-256.

A store that is reached over the network gives out links of its own, and S3 sees to it that what comes is of the length
and the SHA-256 that were told. Where it is a folder, the link leads to the function `upload_bundle`. What was uploaded
is trusted as little as what comes with a publication.
"""

import hashlib
import io
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from core.object_store.base import ObjectMissing, ObjectStore, ObjectTooLarge, StoreUnavailable, Upload
from functions.domain import signed_links
from functions.domain.api_errors import Gone, Invalid
from functions.domain.catalog import bundle_store
from functions.domain.catalog.bundle_store import BundleLost, BundleStoreUnavailable
from functions.domain.catalog.bundles import MAX_PACKED_BYTES, BundleInvalid

SECONDS: Final = 900
"""For which a link is good."""

CONTENT_TYPE: Final = "application/zip"

SHA256: Final = r"^[0-9a-f]{64}$"

PATH: Final = "/v1/admin/bundle-uploads/{sha256}"

FOLDER: Final = "uploads/"

_PURPOSE: Final = "bundle upload"


class UploadExpired(Gone):
    """This link isn't good any more, or was never given out: ask `POST /v1/admin/bundle-uploads` for another."""


class UploadOther(Invalid):
    """This isn't what the link is for: its SHA-256 or its length is another."""


class BundleNotUploaded(Invalid):
    """No bundle with this SHA-256 was uploaded: ask `POST /v1/admin/bundle-uploads` for where to put it."""


@dataclass(frozen=True)
class Link:
    """Where somebody puts a bundle by PUT, without a token."""

    url: str
    header_fields: dict[str, str]
    """That go with it, by their names."""
    expires_at: datetime


def give(sha256: str, length: int) -> Link:
    """Return where to put a bundle of a SHA-256 and so many bytes. Raises BundleStoreUnavailable."""
    until = int(time.time()) + SECONDS
    try:
        given = bundle_store.store().upload_link(
            _key(sha256), content_type=CONTENT_TYPE, length=length, sha256=sha256, seconds=SECONDS
        )
    except StoreUnavailable as error:
        raise BundleStoreUnavailable from error
    upload = given or _ours(sha256, length, until)
    return Link(upload.url, dict(upload.headers), datetime.fromtimestamp(until, UTC))


def accept(sha256: str, length: int, expires: int, signature: str, content: bytes) -> None:
    """Keep what somebody puts where a link of ours leads.

    Raises UploadExpired, UploadOther and BundleStoreUnavailable.
    """
    if not signed_links.is_good(_PURPOSE, _told(sha256, length), expires, signature):
        raise UploadExpired
    if len(content) != length or hashlib.sha256(content).hexdigest() != sha256:
        raise UploadOther
    try:
        bundle_store.store().put(_key(sha256), io.BytesIO(content))
    except StoreUnavailable as error:
        raise BundleStoreUnavailable from error


def fetch(sha256: str) -> bytes:
    """Return a bundle that was uploaded, or that is kept already. Raises BundleNotUploaded, BundleInvalid and
    BundleStoreUnavailable.
    """
    store, into = bundle_store.store(), io.BytesIO()
    try:
        try:
            store.get(_key(sha256), into, MAX_PACKED_BYTES)
        except ObjectMissing:
            return bundle_store.fetch(sha256)
    except ObjectTooLarge:
        raise BundleInvalid(f"It is larger than {MAX_PACKED_BYTES} bytes.") from None
    except BundleLost:
        raise BundleNotUploaded from None
    except StoreUnavailable as error:
        raise BundleStoreUnavailable from error
    if hashlib.sha256(into.getvalue()).hexdigest() != sha256:
        raise BundleNotUploaded
    return into.getvalue()


def remove_old(place: ObjectStore, *, older_than: float, check: bool) -> int:
    """Take uploads out of a store that are so many seconds old, unless it is a `check`; return how many there were.

    What was published of them is kept elsewhere. Raises StoreUnavailable.
    """
    old = list(place.keys(FOLDER, older_than=older_than))
    for key in old:
        if not check:
            place.delete(key)
    return len(old)


def _ours(sha256: str, length: int, until: int) -> Upload:
    url = signed_links.give(PATH.format(sha256=sha256), _PURPOSE, _told(sha256, length), until, length=length)
    return Upload(url, {"Content-Type": CONTENT_TYPE, "Content-Length": str(length)})


def _told(sha256: str, length: int) -> str:
    return f"{sha256}.{length}"


def _key(sha256: str) -> str:
    return f"{FOLDER}{sha256}"
