"""Where bundles are kept: in the store of objects that the setting `BUNDLE_STORE` names, each under its SHA-256."""

import hashlib
import io
from collections.abc import Iterator
from typing import Final

from core.configuration import OBJECT_STORE_KEY, setting
from core.object_store.base import ObjectMissing, ObjectStore, ObjectTooLarge, StoreUnavailable
from core.once import once
from functions.domain.api_errors import Unavailable
from functions.domain.catalog.bundles import MAX_PACKED_BYTES

SETTING: Final = "BUNDLE_STORE"

GONE_ONCE_DELETED: Final = ("exports/",)
"""What the keys begin with of what is kept there too, and isn't to be brought back: exports of accounts."""

SECRETS: Final = (OBJECT_STORE_KEY,)


class BundleStoreUnavailable(Unavailable):
    """The place where bundles are kept isn't available just now: try again shortly."""


class BundleLost(Exception):
    """The store has no such bundle, or something else under its name: publishing the same bytes again restores it."""


def store() -> ObjectStore:
    """Return the store, whose client is made once for each process."""
    return _opened(setting(SETTING))


@once
def _opened(address: str) -> ObjectStore:
    from core.object_store.opening import open_store

    return open_store(address, gone_once_deleted=GONE_ONCE_DELETED)


def keep(bundle: bytes) -> str:
    """Keep a bundle, unless it is there; return its SHA-256 in hex. Raises BundleStoreUnavailable."""
    try:
        return keep_in(store(), bundle)
    except StoreUnavailable as error:
        raise BundleStoreUnavailable from error


def keep_in(place: ObjectStore, bundle: bytes) -> str:
    """Keep a bundle in another store than that of the setting, as `keep` does. Raises StoreUnavailable."""
    sha256 = hashlib.sha256(bundle).hexdigest()
    place.put(_key(sha256), io.BytesIO(bundle))
    return sha256


def fetch(sha256: str) -> bytes:
    """Return a bundle by its SHA-256, by which it is checked. Raises BundleLost and StoreUnavailable."""
    return fetch_from(store(), sha256)


def fetch_from(place: ObjectStore, sha256: str) -> bytes:
    """Return a bundle from another store than that of the setting, as `fetch` does."""
    into = io.BytesIO()
    try:
        place.get(_key(sha256), into, MAX_PACKED_BYTES)
    except (ObjectMissing, ObjectTooLarge):
        raise BundleLost(sha256) from None
    if hashlib.sha256(into.getvalue()).hexdigest() != sha256:
        raise BundleLost(sha256)
    return into.getvalue()


def ensure(sha256: str) -> None:
    """Raise BundleStoreUnavailable unless the store has this bundle."""
    try:
        there = store().exists(_key(sha256))
    except StoreUnavailable as error:
        raise BundleStoreUnavailable from error
    if not there:
        raise BundleStoreUnavailable


def digests(place: ObjectStore, *, older_than: float = 0) -> Iterator[str]:
    """Yield the SHA-256 of each bundle in a store that was kept more than so many seconds ago."""
    return (key.removeprefix(_FOLDER) for key in place.keys(_FOLDER, older_than=older_than))


def remove(place: ObjectStore, sha256: str) -> None:
    """Take a bundle out of a store. Raises StoreUnavailable."""
    place.delete(_key(sha256))


_FOLDER: Final = "bundles/"


def _key(sha256: str) -> str:
    return f"{_FOLDER}{sha256}"
