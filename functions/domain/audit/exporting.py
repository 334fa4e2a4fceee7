"""Exports of the trail of a database: all entries in the order of their seals, as lines, with an end that says so.

Whoever has an export, and a copy of the anchors, verifies it without the database.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from core.object_store.base import ObjectStore
from functions.domain.audit import reading, verifying
from functions.domain.audit.checking import Checked
from functions.domain.audit.entries import canonical
from functions.domain.audit.listing import Entry
from functions.domain.audit.verifying import Chain, Kept, Sealed

FIELDS: Final = (
    *("seq", "id", "recorded_at", "origin", "actor", "action", "targets", "outcome", "details"),
    *("salt", "details_commitment", "entry_hash", "chain_hash"),
)

Line = dict[str, JsonValue]


class NotAnExportError(ValueError):
    """The file isn't an export, or not all of one; the message says why."""


def as_json(batches: Iterable[list[Sealed]], database: str) -> Iterator[bytes]:
    """Yield an export as lines of JSON, in pieces; the last line says how many there are, and what the tip is."""
    return _pieces(batches, database, lambda line: json.dumps(line, ensure_ascii=False) + "\n")


def as_csv(batches: Iterable[list[Sealed]], database: str) -> Iterator[bytes]:
    """Yield an export as CSV (RFC 4180) with a head, in pieces; the last row says the same, in its first columns."""
    yield (",".join(FIELDS) + "\r\n").encode()
    yield from _pieces(batches, database, _row)


def _pieces(batches: Iterable[list[Sealed]], database: str, written: Callable[[Line], str]) -> Iterator[bytes]:
    count, tip = 0, ""
    for batch in batches:
        yield "".join(written(_line(each)) for each in batch).encode()
        count, tip = count + len(batch), batch[-1].chain_hash.hex()
    end: Line = {"end": True, "database": database, "count": count, "tip": tip}
    yield written(end).encode()


def _line(sealed: Sealed) -> Line:
    head: Line = {"seq": sealed.seq, "id": sealed.entry_id}
    tail: Line = {"entry_hash": sealed.entry_hash.hex(), "chain_hash": sealed.chain_hash.hex()}
    entry = sealed.entry
    if entry is None:
        return head | tail
    details = None if entry.details is None else json.loads(canonical(entry.details))
    middle: Line = {
        "recorded_at": entry.recorded_at.isoformat(),
        "origin": entry.origin,
        "actor": entry.actor,
        "action": entry.action,
        "targets": list(entry.targets),
        "outcome": entry.outcome,
        "details": details,
        "salt": None if entry.salt is None else entry.salt.hex(),
        "details_commitment": entry.details_commitment.hex(),
    }
    return head | middle | tail


def _row(line: Line) -> str:
    if "end" in line:
        values = ["end", line["database"], line["count"], line["tip"]]
    else:
        targets = line.get("targets")
        together = " ".join(map(str, targets)) if isinstance(targets, list) else None
        told = {**line, "targets": together, "details": _json(line.get("details"))}
        values = [told.get(name) for name in FIELDS]
    into = io.StringIO()
    csv.writer(into).writerow(["" if each is None else _harmless(str(each)) for each in values])
    return into.getvalue()


def _json(details: JsonValue) -> str | None:
    return canonical(details) if isinstance(details, dict) else None


def _harmless(text: str) -> str:
    """Return a text that a spreadsheet takes for text, and not for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text


def check(lines: Iterable[str], anchors: ObjectStore | None) -> dict[str, Checked]:
    """Verify an export as lines of JSON, and compare it with anchors if there are any; by the database that it is of.

    Raises NotAnExportError unless all of it is there.
    """
    read = [json.loads(line) for line in lines if line.strip()]
    end = read.pop() if read and isinstance(read[-1], dict) and read[-1].get("end") is True else None
    if end is None or end.get("count") != len(read):
        raise NotAnExportError("it has no end, or not as many lines as that says: a part of it is missing")
    database = str(end.get("database"))
    kept = [] if anchors is None else list(_stored(anchors, database))
    found, broken_anchor = verifying.read_anchors(database, kept)
    # An export may be older than the anchors, and a copy of these older than the export.
    chain = Chain([each for each in found if each.last_seq <= len(read)])
    first_break = chain.broken(_sealed(line, database) for line in read) or broken_anchor
    return {database: Checked(chain.seq, first_break, chain.seq, chain.tip, chain.anchor)}


def _stored(store: ObjectStore, database: str) -> Iterator[Kept]:
    number = 1
    while (document := reading.stored(store, database, number)) is not None:
        yield Kept(number, document, document)
        number += 1


def _sealed(line: object, database: str) -> Sealed:
    if not isinstance(line, dict):
        raise NotAnExportError("a line isn't an object")
    try:
        entry = _entry(line, database) if "actor" in line else None
        return Sealed(int(line["seq"]), str(line["id"]), _bytes(line["entry_hash"]), _bytes(line["chain_hash"]), entry)
    except (KeyError, TypeError, ValueError) as error:
        raise NotAnExportError(f"a line isn't that of an entry: {error!r}") from None


def _entry(line: dict[str, JsonValue], database: str) -> Entry:
    details, salt, targets = line["details"], line["salt"], line["targets"]
    if not isinstance(targets, list) or not isinstance(details, dict | None):
        raise TypeError("targets are a list, and details an object")
    return Entry(
        id=str(line["id"]),
        recorded_at=datetime.fromisoformat(str(line["recorded_at"])),
        origin=str(line["origin"]),
        actor=str(line["actor"]),
        action=str(line["action"]),
        targets=tuple(map(str, targets)),
        outcome=str(line["outcome"]),
        details=None if details is None else dict(details),
        salt=None if salt is None else _bytes(salt),
        details_commitment=_bytes(line["details_commitment"]),
        entry_hash=_bytes(line["entry_hash"]),
        database=database,
    )


def _bytes(value: JsonValue) -> bytes:
    return bytes.fromhex(str(value))
