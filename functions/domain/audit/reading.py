"""Reading seals and anchors of a database, for whoever verifies them."""

import io
from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, RowMapping, text

from core.object_store.base import ObjectMissing, ObjectStore, ObjectTooLarge
from functions.domain.audit import anchors, hashing
from functions.domain.audit.anchors import Anchor
from functions.domain.audit.listing import COLUMNS, of_row
from functions.domain.audit.verifying import Break, Kept, Kind, Sealed

BATCH: Final = 2000
"""Seals that are held in memory."""

LAST: Final = 2**63 - 1
"""What no number of a seal is beyond."""

LOWEST: Final = -(2**63)
"""What no number is below, also of what was put where nobody looks."""

_LARGEST: Final = 64 << 10
"""Bytes that an anchor may have."""

_SEALED: Final = text(
    f"select seq, sealed_id, sealed_hash, chain_hash, {COLUMNS},"  # noqa: S608 - constants
    "  exists (select from audit_parties as p where p.entry_id = id and acted and party = split_part(actor, '/', 1))"
    "  and not exists ("
    "    select from unnest(targets) as target where not exists ("
    "      select from audit_parties as p where p.entry_id = id and not acted and party = target)) as listed"
    " from (select seq, entry_id as sealed_id, entry_hash as sealed_hash, chain_hash from audit_seals"
    "  where seq >= :first and seq <= :last order by seq limit :most) as seals"
    " left join audit_entries on id = sealed_id order by seq"
)

_HASH: Final = text("select chain_hash from audit_seals where seq = :seq")

_TIP: Final = text("select coalesce(max(seq), 0) from audit_seals")

_UNSEALED: Final = text(
    "select id from audit_entries where not exists (select from audit_seals where entry_id = id)"
    " and not exists (select from audit_queue where entry_id = id) limit 1"
)

_ANCHORS: Final = text(
    "select number, first_seq, last_seq, hash, document from audit_anchors"
    " where last_seq >= :first and first_seq <= :last order by number"
)


def tip(db: Connection) -> int:
    """Return the number of the last seal, 0 if there is none."""
    return int(db.scalar(_TIP) or 0)


def chain_hash(db: Connection, seq: int) -> bytes | None:
    """Return the chain's hash after a seal, of what stands before the first for 0; None if there is no such seal."""
    found = hashing.BEGINNING if seq == 0 else db.scalar(_HASH, {"seq": seq})
    return None if found is None else bytes(found)


def sealed(db: Connection, database: str, first: int = 1, last: int = LAST) -> Iterator[Sealed]:
    """Yield seals from `first` to `last` with their entries, a batch at a time."""
    while found := batch(db, database, first, last):
        yield from found
        first = found[-1].seq + 1


def batch(db: Connection, database: str, first: int, last: int = LAST) -> list[Sealed]:
    """Return up to BATCH seals from `first` on, up to `last`, with their entries."""
    rows = db.execute(_SEALED, {"first": first, "last": last, "most": BATCH}).mappings()
    return [_sealed(row, database) for row in rows]


def _sealed(row: RowMapping, database: str) -> Sealed:
    entry = None if row["id"] is None else of_row(row, database)
    return Sealed(
        row["seq"], row["sealed_id"], bytes(row["sealed_hash"]), bytes(row["chain_hash"]), entry, listed=row["listed"]
    )


def unsealed(db: Connection) -> Break | None:
    """Return an entry that has no seal and doesn't wait for one, as a break; None if there is none."""
    found = db.scalar(_UNSEALED)
    return None if found is None else Break(0, Kind.ENTRY_UNSEALED, str(found))


def kept(db: Connection, database: str, store: ObjectStore, first: int = 1, last: int = LAST) -> Iterator[Kept]:
    """Yield the anchors that cover any of the seals from `first` to `last`, as the database and the store have them.

    Beyond the last that the database knows of, the store may have more. Raises StoreUnavailable.
    """
    number = 0
    for row in db.execute(_ANCHORS, {"first": first, "last": last}):
        number = int(row.number)
        columns = (row.first_seq, row.last_seq, bytes(row.hash))
        yield Kept(number, stored(store, database, number), _document(str(row.document), *columns))
    if last == LAST:
        more = stored(store, database, number + 1)
        if more is not None:
            yield Kept(number + 1, more, None)


def _document(document: str, first: int, last: int, hashed: bytes) -> str:
    """Return the document of an anchor, or nothing if the columns beside it say something else."""
    try:
        anchor = Anchor.of(document)
    except ValueError:
        return ""
    return document if (anchor.first_seq, anchor.last_seq, anchor.hash) == (first, last, hashed) else ""


def stored(store: ObjectStore, database: str, number: int) -> str | None:
    """Return the document of an anchor in the store, None if it isn't there. Raises StoreUnavailable."""
    into = io.BytesIO()
    try:
        store.get(anchors.key(database, number), into, _LARGEST)
    except ObjectMissing:
        return None
    except ObjectTooLarge:
        return ""
    return into.getvalue().decode(errors="replace")
