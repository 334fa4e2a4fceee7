"""Receipts: what proves, to whoever has it and an anchor, that an entry is in the trail, and what it says."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

from functions.domain.api_errors import Conflict, NotFound
from functions.domain.audit import hashing
from functions.domain.audit.listing import COLUMNS, Entry, of_row

_FIND: Final = text(f"select {COLUMNS} from audit_entries where id = :id")  # noqa: S608 - a constant

_ABOUT: Final = text(
    f"select {COLUMNS} from audit_entries_about(:account, cast(:before as text), :limit, cast(:one as text))"  # noqa: S608 - a constant
)

_SEAL: Final = text(
    "select seq, number, first_seq, last_seq, document from audit_seals"
    " join lateral (select * from audit_anchors where last_seq >= seq order by last_seq limit 1) as anchor"
    " on first_seq <= seq where entry_id = :id"
)

_HASHES: Final = text("select entry_hash from audit_seals where seq between :first and :last order by seq")


class EntryNotFound(NotFound):
    """There is no such entry, or it isn't about you."""


class ReceiptNotReady(Conflict):
    """The entry isn't anchored yet, which takes fifteen minutes at most: ask again then."""


@dataclass(frozen=True)
class Receipt:
    """An entry, its place in the chain, and the way from it to an anchor."""

    entry: Entry
    seq: int
    index: int
    """Its place among the entries that the anchor covers, from 0."""
    size: int
    """How many these are."""
    path: tuple[bytes, ...]
    """The hashes by which the anchor's root is made from that of the entry."""
    document: str
    """The anchor's."""


def about(db: Connection, database: str, account_id: str, *, before: str | None, limit: int) -> list[Entry]:
    """Return entries that an account did or that are about it, newest first.

    Of what others did it isn't told from where, nor a salt by which the rest of it could be checked.
    """
    values = {"account": account_id, "before": before, "limit": limit, "one": None}
    return [of_row(row, database) for row in db.execute(_ABOUT, values).mappings()]


def one_about(db: Connection, database: str, account_id: str, entry_id: str) -> Entry | None:
    """Return an entry that an account did or that is about it, None if there is none here."""
    row = db.execute(_ABOUT, {"account": account_id, "before": None, "limit": 1, "one": entry_id}).mappings().first()
    return None if row is None else of_row(row, database)


def find(db: Connection, database: str, entry_id: str) -> Entry | None:
    """Return an entry, None if there is none here."""
    row = db.execute(_FIND, {"id": entry_id}).mappings().first()
    return None if row is None else of_row(row, database)


def receipt(db: Connection, entry: Entry) -> Receipt:
    """Return the receipt of an entry. Raises ReceiptNotReady."""
    row = db.execute(_SEAL, {"id": entry.id}).first()
    if row is None:
        raise ReceiptNotReady
    values = {"first": row.first_seq, "last": row.last_seq}
    hashes = [bytes(each) for each in db.scalars(_HASHES, values)]
    index = row.seq - row.first_seq
    return Receipt(entry, row.seq, index, len(hashes), tuple(hashing.path(hashes, index)), row.document)
