"""What is hashed of the audit trail, byte by byte, as docs/security/audit.md says it for whoever verifies elsewhere."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from functions.domain.audit.entries import canonical
from functions.domain.audit.listing import Entry

BEGINNING: Final = bytes(32)
"""What stands for the chain's hash before its first seal."""

_ENTRY: Final = "botberi.audit.entry.v1"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def sha256(data: bytes) -> bytes:
    """Return the hash of some bytes."""
    return hashlib.sha256(data).digest()


def field(value: str) -> bytes:
    """Return a text as it is hashed: how many bytes it has, and the bytes."""
    data = value.encode()
    return len(data).to_bytes(4) + data


def commitment(salt: bytes, details: Mapping[str, object]) -> bytes:
    """Return what is hashed in the place of an entry's details."""
    return sha256(salt + canonical(details).encode())


def entry_hash(entry: Entry) -> bytes:
    """Return the hash of all that an entry says, but for its details, of which there is the commitment."""
    microseconds = (entry.recorded_at - _EPOCH) // _MICROSECOND
    return sha256(
        field(_ENTRY)
        + field(f"/botberi/{entry.database}")
        + field(entry.id)
        + microseconds.to_bytes(8, signed=True)
        + b"".join(field(each) for each in (entry.origin, entry.actor, entry.action))
        + len(entry.targets).to_bytes(4)
        + b"".join(field(each) for each in entry.targets)
        + field(entry.outcome)
        + entry.details_commitment
    )


def chain_hash(before: bytes, entry: bytes, seq: int) -> bytes:
    """Return the hash of the chain after the seal of an entry, by the one before it and the entry's hash."""
    return sha256(before + entry + seq.to_bytes(8))


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of a Merkle tree over hashes, as RFC 6962 makes it."""
    if len(leaves) <= 1:
        return sha256(b"\x00" + leaves[0]) if leaves else sha256(b"")
    middle = _split(len(leaves))
    return sha256(b"\x01" + root(leaves[:middle]) + root(leaves[middle:]))


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the hashes by which the root is made from one of the leaves, from the bottom up."""
    if len(leaves) <= 1:
        return []
    middle = _split(len(leaves))
    if index < middle:
        return [*path(leaves[:middle], index), root(leaves[middle:])]
    return [*path(leaves[middle:], index - middle), root(leaves[:middle])]


def _split(size: int) -> int:
    """Return the largest power of two below a size."""
    return 1 << ((size - 1).bit_length() - 1)
