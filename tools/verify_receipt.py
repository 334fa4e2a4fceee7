"""Verify a receipt of the audit trail, with nothing but Python: `verify_receipt.py receipt.json anchor.json`.

The receipt is what `GET /v1/me/audit/{entry_id}/receipt` answered; the anchor is the document from the store of
anchors, by the key that the receipt names. Prints what is proved, and exits with 1 if it isn't.
"""

import hashlib
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any


def sha256(data: bytes) -> bytes:
    """Return the hash of some bytes."""
    return hashlib.sha256(data).digest()


def field(value: str) -> bytes:
    """Return a text as it is hashed."""
    data = value.encode()
    return len(data).to_bytes(4) + data


def entry_hash(entry: dict[str, Any]) -> bytes:
    """Return the hash of an entry, whose details are hashed as a commitment to them."""
    since = datetime.fromisoformat(entry["recorded_at"]) - datetime(1970, 1, 1, tzinfo=UTC)
    return sha256(
        field("botberi.audit.entry.v1")
        + field("/botberi/" + entry["database"])
        + field(entry["id"])
        + (since // timedelta(microseconds=1)).to_bytes(8, signed=True)
        + field(entry["origin"])
        + field(entry["actor"])
        + field(entry["action"])
        + len(entry["targets"]).to_bytes(4)
        + b"".join(field(each) for each in entry["targets"])
        + field(entry["outcome"])
        + bytes.fromhex(entry["details_commitment"])
    )


def commitment(entry: dict[str, Any]) -> str | None:
    """Return what an entry's details are hashed as, None if they aren't told whole, or were erased."""
    if entry["details"] is None or not entry["salt"]:
        return None
    details = json.dumps(entry["details"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(bytes.fromhex(entry["salt"]) + details.encode()).hex()


def root(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """Return the root that a path leads to (RFC 9162, section 2.1.3.2); None if it is too short or too long."""
    last, found = size - 1, sha256(b"\x00" + leaf)
    for each in path:
        if last == 0:
            return None
        if index % 2 or index == last:
            found = sha256(b"\x01" + each + found)
            while index and not index % 2:
                index, last = index >> 1, last >> 1
        else:
            found = sha256(b"\x01" + found + each)
        index, last = index >> 1, last >> 1
    return found if last == 0 else None


def problem(receipt: dict[str, Any], document: str) -> str | None:
    """Return why a receipt proves nothing, or None if it does."""
    entry, anchor = receipt["entry"], json.loads(document)
    if receipt["anchor"] != document.strip():
        return "the anchor isn't the one that the receipt names"
    if commitment(entry) not in (None, entry["details_commitment"]):
        return "the details aren't those that the entry was committed to"
    if entry_hash(entry).hex() != entry["entry_hash"]:
        return "the entry isn't what was hashed"
    size = anchor["last_seq"] - anchor["first_seq"] + 1
    if anchor["database"] != entry["database"] or not 0 <= receipt["seq"] - anchor["first_seq"] < size:
        return "the anchor covers other entries"
    path = [bytes.fromhex(each) for each in receipt["path"]]
    found = root(entry_hash(entry), receipt["seq"] - anchor["first_seq"], size, path)
    is_there = found is not None and found.hex() == anchor["root"]
    return None if is_there else "the entry isn't among those that were anchored"


if __name__ == "__main__":
    told, kept = (Path(name).read_text(encoding="utf-8") for name in sys.argv[1:3])
    wrong = problem(json.loads(told), kept)
    if wrong:
        sys.exit(f"not proved: {wrong}")
    it, at = json.loads(told)["entry"], json.loads(kept)["at"]
    what = f"{it['actor']} {it['action']} {' '.join(it['targets'])}: {it['outcome']}, {it['recorded_at']}"
    sys.stdout.write(f"proved: {what}, anchored {at}\n")
