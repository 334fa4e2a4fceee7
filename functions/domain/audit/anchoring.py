"""Anchoring: putting what the chain is into the store of anchors, again and again."""

import io
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, text

from core.object_store.base import ObjectStore
from functions.domain.audit import anchors, hashing, reading
from functions.domain.audit.anchors import Anchor

LARGEST: Final = 1 << 16
"""Entries that an anchor covers, at most: so many hashes are read for a receipt."""

_LAST: Final = text("select number, last_seq, hash from audit_anchors order by number desc limit 1")

_HASHES: Final = text("select entry_hash from audit_seals where seq between :first and :last order by seq")

_KEEP: Final = text("select append_audit_anchor(:number, :first, :last, :hash, :document)")


def anchor(db: Connection, database: str, store: ObjectStore) -> Anchor | None:
    """Anchor up to LARGEST seals that aren't covered yet; return the anchor, or None if there was nothing to anchor.

    The store comes first: it keeps the first document under a key, and another is never put in its place. If the
    database couldn't keep it, the next attempt finds it there and keeps it then. Raises StoreUnavailable.
    """
    before = db.execute(_LAST).first()
    number, first = (before.number + 1, before.last_seq + 1) if before else (1, 1)
    document = reading.stored(store, database, number)
    made = _make(db, database, number, first, bytes(before.hash) if before else b"") if document is None else None
    if made is not None:
        store.put(anchors.key(database, number), io.BytesIO(made.document().encode()))
        # Of two at once, one was there first.
        document = reading.stored(store, database, number)
    if document is None:
        return None
    kept = Anchor.of(document)
    values = {
        "number": number,
        "first": kept.first_seq,
        "last": kept.last_seq,
        "hash": kept.hash,
        "document": document,
    }
    db.execute(_KEEP, values)
    return kept


def _make(db: Connection, database: str, number: int, first: int, previous: bytes) -> Anchor | None:
    last = min(reading.tip(db), first + LARGEST - 1)
    tip = reading.chain_hash(db, last)
    if last < first or tip is None:
        return None
    hashes = [bytes(each) for each in db.scalars(_HASHES, {"first": first, "last": last})]
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return Anchor(database, number, first, last, tip, hashing.root(hashes), previous, at)
