"""Verifying a trail: whether entries, seals and anchors are what they were, by values alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from functions.domain.audit import hashing
from functions.domain.audit.anchors import Anchor
from functions.domain.audit.listing import Entry


class Kind(StrEnum):
    """How a trail isn't what it was."""

    ENTRY_CHANGED = "entry_changed"
    """An entry isn't what was sealed."""
    DETAILS_CHANGED = "details_changed"
    """Details aren't those that the entry was committed to."""
    ENTRY_MISSING = "entry_missing"
    """There is a seal and no entry."""
    ENTRY_UNSEALED = "entry_unsealed"
    """There is an entry that has no seal, and doesn't wait for one."""
    ENTRY_UNLISTED = "entry_unlisted"
    """An entry isn't found by its actor or a target."""
    SEAL_MISSING = "seal_missing"
    """A number is left out."""
    SEAL_CHANGED = "seal_changed"
    """A seal doesn't go on from the one before: it was changed, inserted, or moved."""
    TAIL_CUT = "tail_cut"
    """The chain ends before what was anchored."""
    REWRITTEN = "rewritten"
    """The chain goes on from seal to seal, and is another than what was anchored."""
    ANCHOR_MISSING = "anchor_missing"
    """An anchor isn't where it was put, or the database no longer knows of it."""
    ANCHOR_CHANGED = "anchor_changed"
    """An anchor isn't what was put there, or doesn't go on from the one before."""


@dataclass(frozen=True)
class Break:
    """Where a trail isn't what it was."""

    seq: int
    """Of the seal; of an anchor, its number; 0 for an entry that has no seal."""
    kind: Kind
    entry_id: str | None = None


@dataclass(frozen=True)
class Sealed:
    """A seal, and its entry if there is one."""

    seq: int
    entry_id: str
    entry_hash: bytes
    chain_hash: bytes
    entry: Entry | None
    listed: bool = True
    """Whether the entry is found by its actor and by its targets."""


@dataclass(frozen=True)
class Kept:
    """An anchor as both places have it."""

    number: int
    stored: str | None
    """The document in the store; None if it isn't there."""
    known: str | None
    """The document in the database; None if it isn't there."""


def read_anchors(
    database: str, kept: Iterable[Kept], before: Anchor | None = None
) -> tuple[list[Anchor], Break | None]:
    """Return the anchors of a database up to the first that isn't what it was, and how it isn't, or None.

    They have to go on from the one `before`; by default they begin with the first.
    """
    found: list[Anchor] = []
    for each in kept:
        number = before.number + 1 if before else 1
        if each.stored is None or each.known is None or each.number != number:
            return found, Break(number, Kind.ANCHOR_MISSING)
        anchor = _read(each)
        if anchor is None or not _goes_on(anchor, before, database):
            return found, Break(number, Kind.ANCHOR_CHANGED)
        found.append(anchor)
        before = anchor
    return found, None


def _goes_on(anchor: Anchor, before: Anchor | None, database: str) -> bool:
    begins = (1, 1, b"") if before is None else (before.number + 1, before.last_seq + 1, before.hash)
    ends = anchor.last_seq >= anchor.first_seq
    return ends and (anchor.database, anchor.number, anchor.first_seq, anchor.previous) == (database, *begins)


def _read(kept: Kept) -> Anchor | None:
    try:
        return Anchor.of(str(kept.stored)) if kept.stored == kept.known else None
    except ValueError:
        return None


class Chain:
    """Follows a chain from seal to seal, and compares it with anchors on its way."""

    def __init__(self, anchored: Iterable[Anchor], seq: int = 0, tip: bytes = hashing.BEGINNING) -> None:
        """Begin behind a seal and the chain's hash there; behind nothing by default."""
        self.seq = seq
        self.tip = tip
        self.anchor: Anchor | None = None
        """The last that was compared."""
        self._anchored = {each.last_seq: each for each in anchored if each.last_seq > seq}
        self._begins = seq
        self._hashes: list[bytes] = []

    def broken(self, sealed: Iterable[Sealed]) -> Break | None:
        """Follow seals; return the first break, or None if there is none."""
        for each in sealed:
            kind = self._follow(each) or self._compared()
            if kind is not None:
                return Break(each.seq, kind, each.entry_id)
        return None

    def cut(self) -> Break | None:
        """Return the break that there is if no more seals follow, though more were anchored."""
        last = max(self._anchored, default=0)
        return Break(last, Kind.TAIL_CUT) if last > self.seq else None

    def _follow(self, sealed: Sealed) -> Kind | None:
        if sealed.seq != self.seq + 1:
            return Kind.SEAL_MISSING
        if hashing.chain_hash(self.tip, sealed.entry_hash, sealed.seq) != sealed.chain_hash:
            return Kind.SEAL_CHANGED
        self.seq, self.tip = sealed.seq, sealed.chain_hash
        self._hashes.append(sealed.entry_hash)
        return of_entry(sealed)

    def _compared(self) -> Kind | None:
        anchor = self._anchored.get(self.seq)
        if anchor is None:
            return None
        hashes, self._hashes = self._hashes, []
        whole = anchor.first_seq > self._begins
        if anchor.tip != self.tip or (whole and anchor.root != hashing.root(hashes)):
            return Kind.REWRITTEN
        self.anchor = anchor
        return None


def of_entry(sealed: Sealed) -> Kind | None:
    """Return how a sealed entry isn't what it was, or None."""
    entry = sealed.entry
    if entry is None:
        return Kind.ENTRY_MISSING
    if entry.entry_hash != sealed.entry_hash or hashing.entry_hash(entry) != sealed.entry_hash:
        return Kind.ENTRY_CHANGED
    if entry.details is not None and (
        entry.salt is None or hashing.commitment(entry.salt, entry.details) != entry.details_commitment
    ):
        return Kind.DETAILS_CHANGED
    return None if sealed.listed else Kind.ENTRY_UNLISTED
