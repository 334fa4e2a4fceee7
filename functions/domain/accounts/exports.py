"""What people take along: all rows about an account of both databases, as lines of JSON, in the store of objects.

Somebody asks for it, a subscriber collects it, and for a day they may fetch it. It is one compressed file, a few
megabytes of which are held in memory at a time, however much there is.
"""

import io
import json
import math
import secrets
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, func, insert, select, text, update
from typing_extensions import override

from core.ids import new_id
from core.object_store.base import ObjectStore
from events.catalog.accounts import ExportFinished, ExportRequested
from events.outbox import emit
from functions.domain.accounts import accounts
from functions.domain.accounts.tables import exports
from functions.domain.accounts.throttling import Limit, Throttled
from functions.domain.api_errors import Conflict, NotFound, Unavailable
from functions.domain.databases import SharedDb, UserDb

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

A_DAY: Final = 3
"""Exports of an account in a day."""

KEPT: Final = timedelta(days=1)
"""For how long an export is kept since it was asked for."""

LATE: Final = timedelta(hours=1)
"""After so long an export that wasn't finished doesn't keep anybody from asking for another."""

FOLDER: Final = "exports/"

CONTENT_TYPE: Final = "application/gzip"

LARGEST: Final = 4 << 30
"""Bytes of an export, at most."""

_BUFFER: Final = 256 << 10

_GZIP: Final = 31
"""How zlib is told to write a file of gzip."""

_ROWS: Final = 50
"""Rows that are held in memory."""

_EXPORT: Final = text(
    "declare exported cursor for select name, content from exported_rows(:id) union all"
    " select 'audit_entries', to_jsonb(entry) - '{salt,details_commitment,entry_hash}'::text[]"
    " from audit_entries_about(:id, null, null, null) as entry"
)


class ExportUnderWay(Conflict):
    """Your account is being exported already: wait until that is done."""


class TooManyExports(Throttled):
    """Your account was exported three times in a day: wait as long as Retry-After says."""

    policy = "exports"
    limit = Limit(A_DAY, forget=24 * 60 * 60)


class ExportNotFound(NotFound):
    """You have no export with this id; each is kept for a day."""


class ExportsUnavailable(Unavailable):
    """The place where exports are kept isn't available just now: try again shortly."""


@dataclass(frozen=True)
class Export:
    """An export of an account."""

    id: str
    """`exp_…`"""
    account_id: str
    requested_at: datetime
    finished_at: datetime | None
    """None until all of it is there."""
    bytes: int | None
    """Of the file."""
    place: str | None
    """Its key in the store of objects."""

    @property
    def expires_at(self) -> datetime:
        """When it is deleted."""
        return self.requested_at + KEPT

    @property
    def name(self) -> str:
        """How the file is called where it is kept."""
        return f"{self.id}.ndjson.gz"


_COLUMNS: Final = tuple(exports.c["id", "account_id", "requested_at", "finished_at", "bytes", "place"])


def request(db: UserDb, account_id: str) -> Export:
    """Ask for an account to be exported, and emit ExportRequested. Raises ExportUnderWay and TooManyExports."""
    # Of two at once the second waits, and sees what the first has asked for.
    accounts.lock(db, account_id)
    lately = select(*_COLUMNS, func.now().label("at")).where(
        exports.c.account_id == account_id, exports.c.requested_at > func.now() - KEPT
    )
    asked = db.execute(lately.order_by(exports.c.requested_at)).all()
    if any(each.finished_at is None and each.requested_at > each.at - LATE for each in asked):
        raise ExportUnderWay
    if len(asked) >= A_DAY:
        raise TooManyExports(math.ceil((asked[-A_DAY].requested_at + KEPT - asked[0].at).total_seconds()))
    row = db.execute(insert(exports).values(id=new_id("exp"), account_id=account_id).returning(*_COLUMNS)).one()
    emit(db, ExportRequested(account_id=account_id, export_id=row.id))
    return Export(*row)


def find(db: UserDb, account_id: str, export_id: str) -> Export:
    """Return an export of an account. Raises ExportNotFound."""
    found = find_any(db, export_id)
    if found.account_id != account_id:
        raise ExportNotFound
    return found


def find_any(db: UserDb, export_id: str) -> Export:
    """Return an export, whosever it is. Raises ExportNotFound."""
    which = (exports.c.id == export_id) & (exports.c.requested_at > func.now() - KEPT)
    row = db.execute(select(*_COLUMNS).where(which)).first()
    if row is None:
        raise ExportNotFound
    return Export(*row)


def is_wanted(db: UserDb, export_id: str) -> bool:
    """Return whether an export was asked for that isn't finished yet."""
    query = select(exports.c.id).where(exports.c.id == export_id, exports.c.finished_at.is_(None))
    return db.execute(query).first() is not None


@dataclass(frozen=True)
class Written:
    """What was put into the store of objects."""

    place: str
    bytes: int


def write(user: UserDb, shared: SharedDb, account_id: str, export_id: str, store: ObjectStore) -> Written:
    """Put all rows about an account into the store, as compressed lines of JSON, each with the table that it is from.

    Each attempt has a place of its own, so that none has anything of another. Raises StoreUnavailable.
    """
    place = f"{FOLDER}{export_id}/{secrets.token_hex(8)}"
    packed = _Packed(_lines(user, shared, account_id))
    store.put_stream(place, io.BufferedReader(packed, _BUFFER))
    return Written(place, packed.bytes)


def finish(db: UserDb, account_id: str, export_id: str, written: Written) -> None:
    """Note where an export is, and emit ExportFinished, once."""
    done = update(exports).where(exports.c.id == export_id, exports.c.finished_at.is_(None))
    values = {"finished_at": func.now(), "bytes": written.bytes, "place": written.place}
    if db.execute(done.values(values).returning(exports.c.id)).first() is not None:
        emit(db, ExportFinished(account_id=account_id, export_id=export_id))


def remove_old(store: ObjectStore) -> None:
    """Take exports out of the store that are older than a day. Raises StoreUnavailable."""
    for key in store.keys(FOLDER, older_than=KEPT.total_seconds()):
        store.delete(key)


class _Packed(io.RawIOBase):
    """Lines as a file of gzip, which is made while it is read."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self.bytes = 0
        self._pieces = _packed(lines)
        self._left = b""

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, into: "WriteableBuffer") -> int:
        room = memoryview(into).cast("B")
        self._left = self._left or next(self._pieces, b"")
        given, self._left = self._left[: len(room)], self._left[len(room) :]
        room[: len(given)] = given
        self.bytes += len(given)
        return len(given)


def _packed(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines in pieces of a file of gzip, none of which is empty."""
    packer = zlib.compressobj(wbits=_GZIP)
    yield from filter(None, map(packer.compress, lines))
    yield packer.flush()


def _lines(user: UserDb, shared: SharedDb, account_id: str) -> Iterator[bytes]:
    for database, db in (("user_psql", user), ("shared_psql", shared)):
        for name, content in _rows(db, account_id):
            line = {"table": f"{database}.{name}", "row": content}
            yield json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _rows(db: Connection, account_id: str) -> Iterator[tuple[str, object]]:
    """Yield the rows about an account in one database, a few at a time."""
    db.execute(_EXPORT, {"id": account_id})
    while rows := db.execute(text(f"fetch {_ROWS} from exported")).all():
        for row in rows:
            yield str(row.name), row.content
    db.execute(text("close exported"))
