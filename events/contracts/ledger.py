"""The ledger of what was released: for each event type every shape that it ever had, oldest first, only appended to.

It lies beside the schemas, so that the present catalog can be compared with all of the past where there is no history
to ask: in a source archive, in a shallow clone. Where git has the history, a test compares the two, and finds what was
changed or removed after it had been committed.
"""

import hashlib
import json
from pathlib import Path
from typing import Final

from events.contracts.compatibility import Json, breaks, shape

FOLDER: Final = Path("events/catalog/released")

FACTS: Final = ("subject", "source")
"""What can't change at all: order follows the one, duplicates are told by the other."""


SUPERSEDED: Final = frozenset(
    {
        "5903cd3f8cb990ed3148052c525a1d1bd132876ebca06faf1567dbc22829bc20",
        "19de05a6a3a89f8cbef221c2f6d2f92ac19c4613f6901255f5519c254328c686",
        "9d8986a57758729ec98b95aac0d2a3108a144dd8d8dda0ccc4af3bfeaff10678",
        "15244c8dfb0e72ec55f367bd9eea0ba30d59ae61957170c67b9f4fa3105391ae",
    }
)
"""Digests of entries that bind nobody any more; there can only be such before the first release.

The envelope's first allowed less in attributes than CloudEvents does: neither spaces nor percent signs. The first
entries of `instance.status_changed`, `dead_letter.resolved` and `publisher.revoked` had other names for their fields.
"""


class BreakingChangeError(Exception):
    """The catalog would break who relies on it; the message has a line for each break."""


def entry(schema: Json, *, subject: str, source: str) -> Json:
    """Return what is kept of a type as it is now."""
    return {"subject": subject, "source": source, "shape": shape(schema)}


def read(folder: Path) -> dict[str, list[Json]]:
    """Return the ledgers in a folder, by type."""
    files = sorted(folder.glob("*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


def broken(released: dict[str, list[Json]], now: dict[str, Json]) -> list[str]:
    """Return what in the catalog as it is `now` would break somebody, one sentence each."""
    found = [
        f"{name}: the type is gone; whoever receives it receives nothing any more"
        for name in sorted({*released} - {*now})
    ]
    for name, present in sorted(now.items()):
        for past in (each for each in released.get(name, []) if digest(each) not in SUPERSEDED):
            changed = [
                f"the {fact} was {past[fact]}, and is {present[fact]}" for fact in FACTS if past[fact] != present[fact]
            ]
            found += [f"{name}: {each}" for each in (*changed, *breaks(past["shape"], present["shape"]))]
    return list(dict.fromkeys(found))


def appended(past: list[Json], present: Json) -> list[Json]:
    """Return a ledger with the present entry at its end, if that is new."""
    return past if past[-1:] == [present] else [*past, present]


def digest(entry: Json) -> str:
    """Return the name under which an entry may be superseded."""
    return hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()


def files(root: Path, now: dict[str, Json]) -> dict[Path, str]:
    """Return the text of every ledger below `root` with the present entries; raise BreakingChangeError."""
    released = read(root / FOLDER)
    if complaints := broken(released, now):
        advice = (
            "Add a version beside it, or undo it: docs/decisions/0010-event-contracts.md tells what may change. "
            f"If what it differs from was never committed, take its entry out of {FOLDER}."
        )
        raise BreakingChangeError("\n".join([*complaints, advice]))
    ledgers = {name: appended(released.get(name, []), present) for name, present in now.items()}
    return {FOLDER / f"{name}.json": _text(entries) for name, entries in ledgers.items()}


def _text(entries: list[Json]) -> str:
    return json.dumps(entries, indent=2, ensure_ascii=False) + "\n"
