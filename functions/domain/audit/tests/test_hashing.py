"""The hashes that Postgres makes of entries are those that the documentation says, for whoever verifies elsewhere."""

from datetime import UTC, datetime

from sqlalchemy import text

from functions.domain.audit import hashing, listing
from functions.domain.audit.entries import NewEntry, append, canonical
from functions.domain.audit.listing import Entry, Filter
from testing.environment import Environment

VECTOR = Entry(
    id="aud_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f",
    recorded_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    origin="request",
    actor="usr_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f",
    action="suspend_account",
    targets=("usr_0197c1f2a8b47c3e9d5f6a7b8c9d0e20", "é"),
    outcome="succeeded",
    details={"reason": "Ünter", "context": {"network": "203.0.113.0/24"}},
    salt=bytes(range(16)),
    details_commitment=b"",
    entry_hash=b"",
    database="user_psql",
)
"""That of docs/security/audit.md."""


def test_the_vectors_of_the_page_are_right(page: str) -> None:
    hidden = hashing.commitment(bytes(range(16)), VECTOR.details or {})
    found = hashing.entry_hash(Entry(**{**vars(VECTOR), "details_commitment": hidden}))
    first = hashing.chain_hash(hashing.BEGINNING, found, 1)
    for value in (canonical(VECTOR.details or {}), hidden.hex(), found.hex(), first.hex(), hashing.root([found]).hex()):
        assert value in page


def test_postgres_hashes_alike(env: Environment) -> None:
    words = {"reason": 'Say "é", \\ and \n tab\t', "number": [1, 1.5, 1e100, -0.0, None, True], "": {"z": 1, "a": "𝄞"}}
    with env.transaction("shared_psql", "admin") as db:
        append(db, NewEntry("request", "usr_1/key_1", "hash_alike", ("a", "", "é"), "refused", words))
        append(db, NewEntry("command", "command-line:x", "hash alike"))
        for action in ("hash_alike", "hash alike"):
            entry = listing.entries(db, "shared_psql", Filter(action=action), before=None, limit=1)[0]
            assert entry.salt is not None
            assert hashing.commitment(entry.salt, entry.details or {}) == entry.details_commitment
            assert hashing.entry_hash(entry) == entry.entry_hash
            query = text("select details::text from audit_entries where id = :id")
            assert db.scalar(query, {"id": entry.id}) == canonical(entry.details or {})


def test_a_tree_of_every_size_has_its_root_by_the_path_from_every_leaf() -> None:
    for size in range(1, 20):
        leaves = [hashing.sha256(bytes([number])) for number in range(size)]
        for index in range(size):
            assert climbed(leaves[index], index, size, hashing.path(leaves, index)) == hashing.root(leaves)


def climbed(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """Return the root that a path leads to, as RFC 9162 has it verified (section 2.1.3.2)."""
    last, found = size - 1, hashing.sha256(b"\x00" + leaf)
    for each in path:
        if index % 2 or index == last:
            found = hashing.sha256(b"\x01" + each + found)
            while index and not index % 2:
                index, last = index >> 1, last >> 1
        else:
            found = hashing.sha256(b"\x01" + found + each)
        index, last = index >> 1, last >> 1
    return found
