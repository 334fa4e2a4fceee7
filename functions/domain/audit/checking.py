"""Checking the trail of a database against itself and against its anchors."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

from core.object_store.base import ObjectStore
from functions.domain.audit import reading, verifying
from functions.domain.audit.anchors import Anchor
from functions.domain.audit.reading import LAST, LOWEST
from functions.domain.audit.verifying import Break, Chain, Kind

_DOCUMENT: Final = text("select document from audit_anchors where number = :number")


@dataclass(frozen=True)
class Checked:
    """What was found of a trail."""

    checked: int
    """How many seals and entries were looked at, up to the first break."""
    first_break: Break | None
    """None if all is as it was."""
    last_seq: int
    """Of the last seal that was followed."""
    tip: bytes
    """The chain's hash there."""
    anchor: Anchor | None
    """The last that the chain was compared with: what is behind it is yet to be anchored."""


def check(
    db: Connection, database: str, store: ObjectStore, *, first: int = 1, last: int = LAST, most: int = LAST
) -> Checked:
    """Follow the chain of a database from one seal to another, and compare it with its anchors.

    No more than `most` seals are looked at. At the end of the chain it also looks for entries without a seal. Raises
    StoreUnavailable.
    """
    begin = reading.chain_hash(db, first - 1)
    if begin is None:
        return Checked(0, Break(first - 1, Kind.SEAL_MISSING), first - 1, b"", None)
    until = min(last, first + most - 1)
    kept = list(reading.kept(db, database, store, first, until))
    before = _before(db, kept[0].number) if kept and first > 1 else None
    anchors, broken_anchor = verifying.read_anchors(database, kept, before)
    followed = Chain(anchors, first - 1, begin)
    found = followed.broken(reading.sealed(db, database, LOWEST if first == 1 else first, until)) or broken_anchor
    if found is None and last == LAST and followed.seq < until:
        found = followed.cut() or reading.unsealed(db)
    return Checked(followed.seq - first + 1, found, followed.seq, followed.tip, followed.anchor)


def _before(db: Connection, number: int) -> Anchor | None:
    document = db.scalar(_DOCUMENT, {"number": number - 1})
    try:
        return None if document is None else Anchor.of(document)
    except ValueError:
        return None
