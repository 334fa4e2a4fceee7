"""What a store of objects is: files by key, each written once and whole. A folder is one, and a bucket of S3."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

if TYPE_CHECKING:
    from _typeshed import SupportsRead

CHUNK: Final = 256 * 1024
"""Bytes that are held in memory of an object that is copied."""


class ObjectMissing(Exception):
    """There is no object under this key."""


class ObjectTooLarge(Exception):
    """The object is larger than what was asked for."""


class StoreUnavailable(OSError):
    """The store can't be reached, or refuses: the message says which, and why. The same call may succeed later."""


@dataclass(frozen=True)
class Upload:
    """A request of HTTP by which somebody puts an object: PUT, with these headers."""

    url: str
    headers: Mapping[str, str]


class ObjectStore(Protocol):
    """Keeps objects under keys such as `bundles/0a1b`: words of letters, digits and `._-`, with slashes in between.

    Every call may raise StoreUnavailable.
    """

    def prepare(self) -> None:
        """Make the place where objects are kept, if it isn't there."""

    def put(self, key: str, content: BinaryIO) -> bool:
        """Keep what is left to read of a file, unless there is something under the key; return whether there wasn't.

        Others see all of it or nothing. In a store that locks what it keeps, nobody can change or delete it for a time.
        """

    def put_stream(self, key: str, content: BinaryIO) -> None:
        """Keep what there is to read, a few megabytes of which are held in memory, under a key that nobody else uses.

        Others see all of it or nothing.
        """

    def link(self, key: str, *, name: str, content_type: str, seconds: int) -> str | None:
        """Return a URL at which anybody gets the object for so many seconds, as a file of this name and type.

        None if the store is on no network.
        """

    def upload_link(self, key: str, *, content_type: str, length: int, sha256: str, seconds: int) -> Upload | None:
        """Return where anybody puts one object for so many seconds: of this type, length and SHA-256 in hex, no other.

        What is there is replaced. None if the store is on no network.
        """

    def get(self, key: str, into: BinaryIO, limit: int) -> None:
        """Write an object into a file, in pieces. Raises ObjectMissing, and ObjectTooLarge beyond `limit` bytes.

        What was written before an error is worth nothing.
        """

    def exists(self, key: str) -> bool:
        """Return whether there is an object under the key."""

    def keys(self, prefix: str = "", *, older_than: float = 0) -> Iterator[str]:
        """Yield the keys that begin with `prefix`, in no order: of what was put more than so many seconds ago."""

    def delete(self, key: str) -> None:
        """Take an object away, if it is there."""


def copy(source: "SupportsRead[bytes]", into: BinaryIO, limit: int) -> None:
    """Copy a stream in pieces. Raises ObjectTooLarge beyond `limit` bytes."""
    left = limit
    while chunk := source.read(CHUNK):
        left -= len(chunk)
        if left < 0:
            raise ObjectTooLarge(f"more than {limit} bytes")
        into.write(chunk)
