"""`make tamper`: change what is kept for good, as a superuser would who gets around every right and trigger.

Entries, seals, anchors and the bundles of agents are changed, deleted, inserted, reordered, cut off and written anew in
ten thousand ways, one at a time, each taken back; after each the verification has to find it. Prints a table of what
was done and how it was found, and exits with 1 if anything wasn't.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
from sqlalchemy import Connection, text

from core.configuration import secret
from core.object_store.folder import FolderStore
from functions.domain.audit import anchoring, anchors, checking, sealing
from functions.domain.audit.anchors import Anchor
from functions.domain.audit.entries import NewEntry, append
from functions.domain.catalog import bundle_store
from functions.domain.catalog.bundle_store import BundleLost
from migrations.databases import connect
from provisioning import local_settings
from tools.local import databases
from tools.local.ports import free
from tools.local.servers import postgres_server, services
from tools.pages import aligned

DATABASE: Final = "shared_psql"

ANCHORED: Final = (7, 1, 12, 20)
"""How many entries each anchor covers."""

UNANCHORED: Final = 4
"""Entries that are sealed, and not anchored yet."""

WAITING: Final = 2
"""Entries that aren't sealed yet."""

BUNDLES: Final = 3

NOT_FOUND: Final = "not found"

_REHASH: Final = """
create or replace function pg_temp.rehash() returns void language plpgsql as $$
declare
  tip bytea := decode(repeat('00', 32), 'hex');
  seal record;
begin
  update audit_entries set entry_hash = audit_entry_hash(
    id, recorded_at, origin, actor, action, targets, outcome, details_commitment);
  for seal in select seq, e.entry_hash from audit_seals join audit_entries e on e.id = entry_id order by seq loop
    tip := sha256(tip || seal.entry_hash || int8send(seal.seq));
    update audit_seals set entry_hash = seal.entry_hash, chain_hash = tip where seq = seal.seq;
  end loop;
end $$
"""
"""Has all hashes fit what there is."""


@dataclass
class Trail:
    """A trail to be tampered with."""

    db: Connection
    """A superuser's, whose statements fire no trigger."""
    store: FolderStore
    folder: Path
    bundles: list[str]
    chance: random.Random

    def run(self, sql: str, **values: object) -> None:
        """Run a statement."""
        self.db.execute(text(sql), values)

    def seq(self, last: int = sum(ANCHORED) + UNANCHORED) -> int:
        """Return the number of some seal."""
        return self.chance.randint(1, last)

    def anchored(self) -> int:
        """Return the number of some seal that is anchored."""
        return self.seq(sum(ANCHORED))

    def number(self) -> int:
        """Return the number of some anchor."""
        return self.chance.randint(1, len(ANCHORED))

    def entry(self, seq: int) -> str:
        """Return the id of the entry with a seal."""
        return str(self.db.scalar(text("select entry_id from audit_seals where seq = :seq"), {"seq": seq}))

    def file(self, number: int) -> Path:
        """Return the file of an anchor."""
        return self.folder / anchors.key(DATABASE, number)

    def word(self) -> str:
        """Return a word that is nowhere yet."""
        return f"x{self.chance.getrandbits(64):x}"


_CHANGES: Final = (
    "update audit_entries set actor = :word where id = :id",
    "update audit_entries set action = :word where id = :id",
    "update audit_entries set targets = targets || cast(:word as text) where id = :id",
    "update audit_entries set targets = '{}' where id = :id",
    "update audit_entries set outcome = case outcome when 'failed' then 'refused' else 'failed' end where id = :id",
    "update audit_entries set origin = case origin when 'event' then 'request' else 'event' end where id = :id",
    "update audit_entries set recorded_at = recorded_at + interval '1 microsecond' where id = :id",
    "update audit_entries set details = json_build_object('reason', cast(:word as text)) where id = :id",
    "update audit_entries set salt = sha256(salt) where id = :id",
    "update audit_entries set details_commitment = sha256(details_commitment) where id = :id",
    "update audit_entries set entry_hash = sha256(entry_hash) where id = :id",
)


def change_entry(trail: Trail) -> None:
    """Change a column of an entry."""
    change = trail.chance.choice(_CHANGES)
    values = {"word": trail.word()} if ":word" in change else {}
    trail.run(change, id=trail.entry(trail.seq()), **values)


def change_entry_and_its_hash(trail: Trail) -> None:
    """Change an entry, and have its hash fit."""
    trail.run(
        "update audit_entries set actor = :word, entry_hash = audit_entry_hash("
        "id, recorded_at, origin, cast(:word as text), action, targets, outcome, details_commitment) where id = :id",
        id=trail.entry(trail.seq()),
        word=trail.word(),
    )


def change_details_and_all_hashes(trail: Trail) -> None:
    """Give an entry other details, a commitment to them, and have the whole chain fit."""
    trail.run(
        "update audit_entries set details = cast(told as json),"
        " details_commitment = sha256(salt || convert_to(told, 'UTF8'))"
        " from (select '{\"reason\":\"' || cast(:word as text) || '\"}' as told) as new where id = :id",
        id=trail.entry(trail.anchored()),
        word=trail.word(),
    )
    trail.run("select pg_temp.rehash()")


def delete_entry(trail: Trail) -> None:
    """Delete an entry."""
    trail.run("delete from audit_entries where id = :id", id=trail.entry(trail.seq()))


def delete_entry_and_seal(trail: Trail) -> None:
    """Delete an entry and its seal, and maybe have the rest fit."""
    seq = trail.anchored()
    trail.run("delete from audit_entries where id = :id", id=trail.entry(seq))
    trail.run("delete from audit_seals where seq = :seq", seq=seq)
    if trail.chance.random() < 0.7:
        trail.run("update audit_seals set seq = -seq where seq > :seq", seq=seq)
        trail.run("update audit_seals set seq = -seq - 1 where seq < 0")
        trail.run("select pg_temp.rehash()")


def insert_entry(trail: Trail) -> None:
    """Insert an entry that isn't sealed."""
    trail.run(_COPY, id=trail.entry(trail.seq()), new=trail.word())


_COPY: Final = (
    "insert into audit_entries select cast(:new as text), recorded_at, origin, actor, action, targets, outcome,"
    " details, salt, details_commitment, audit_entry_hash("
    "cast(:new as text), recorded_at, origin, actor, action, targets, outcome, details_commitment)"
    " from audit_entries where id = :id"
)


def insert_entry_and_seal(trail: Trail) -> None:
    """Insert an entry in the midst of the chain, and maybe have the rest fit."""
    seq, new = trail.anchored(), trail.word()
    trail.run(_COPY, id=trail.entry(seq), new=new)
    trail.run(
        "insert into audit_parties select party, acted, :new from audit_parties where entry_id = :id",
        id=trail.entry(seq),
        new=new,
    )
    trail.run("update audit_seals set seq = -seq where seq >= :seq", seq=seq)
    trail.run("update audit_seals set seq = 1 - seq where seq < 0")
    trail.run(
        "insert into audit_seals select :seq, :new, entry_hash, '' from audit_entries where id = :new", seq=seq, new=new
    )
    if trail.chance.random() < 0.7:
        trail.run("select pg_temp.rehash()")


def swap_seals(trail: Trail) -> None:
    """Have two entries change places, and maybe have the rest fit."""
    one, other = trail.chance.sample(range(1, sum(ANCHORED) + 1), 2)
    first, second = trail.entry(one), trail.entry(other)
    swap = (
        "update audit_seals set entry_id = :id, entry_hash = (select entry_hash from audit_entries where id = :entry)"
        " where seq = :seq"
    )
    trail.run(swap, id="-", entry=first, seq=other)
    trail.run(swap, id=second, entry=second, seq=one)
    trail.run(swap, id=first, entry=first, seq=other)
    if trail.chance.random() < 0.7:
        trail.run("select pg_temp.rehash()")


def change_seal(trail: Trail) -> None:
    """Change a column of a seal."""
    trail.run(trail.chance.choice(_SEAL_CHANGES), seq=trail.seq())


_SEAL_CHANGES: Final = (
    "update audit_seals set entry_hash = sha256(entry_hash) where seq = :seq",
    "update audit_seals set chain_hash = sha256(chain_hash) where seq = :seq",
    "update audit_seals set seq = 1000 + seq where seq = :seq",
    "update audit_seals set seq = -seq where seq = :seq",
)


def delete_seal(trail: Trail) -> None:
    """Delete a seal, and leave its entry."""
    trail.run("delete from audit_seals where seq = :seq", seq=trail.seq())


def cut_tail(trail: Trail) -> None:
    """Delete what came last, of entries, seals, and maybe anchors."""
    seq = trail.anchored()
    trail.run("delete from audit_entries where id in (select entry_id from audit_seals where seq >= :seq)", seq=seq)
    trail.run("delete from audit_seals where seq >= :seq", seq=seq)
    if trail.chance.random() < 0.5:
        trail.run("delete from audit_queue; ")
        trail.run("delete from audit_entries where not exists (select from audit_seals where entry_id = id)")
    if trail.chance.random() < 0.5:
        trail.run("delete from audit_anchors where last_seq >= :seq", seq=seq)


def rewrite(trail: Trail) -> None:
    """Change an entry and have all hashes fit, those of the database's anchors too."""
    trail.run(
        "update audit_entries set action = :word where id = :id", id=trail.entry(trail.anchored()), word=trail.word()
    )
    trail.run("select pg_temp.rehash()")
    if trail.chance.random() < 0.7:
        _anchor_anew(trail)


def _anchor_anew(trail: Trail) -> None:
    scratch = FolderStore(Path(tempfile.mkdtemp(dir=trail.folder.parent)))
    trail.run("create temp table old_anchors on commit drop as table audit_anchors")
    trail.run("delete from audit_anchors")
    try:
        while anchoring.anchor(trail.db, DATABASE, scratch) is not None:
            pass
    finally:
        trail.run("drop table old_anchors")


def forget_everything(trail: Trail) -> None:
    """Leave nothing."""
    trail.run("truncate audit_entries, audit_seals, audit_parties, audit_queue")
    if trail.chance.random() < 0.5:
        trail.run("truncate audit_anchors")


def change_anchor(trail: Trail) -> None:
    """Change the document that the database has of an anchor, which it can be read as."""
    number = trail.number()
    document = str(trail.db.scalar(text("select document from audit_anchors where number = :it"), {"it": number}))
    anchor = Anchor.of(document)
    change: dict[str, bytes | str] = trail.chance.choice(
        [{"tip": os.urandom(32)}, {"root": os.urandom(32)}, {"previous": os.urandom(32)}, {"at": ""}]
    )
    changed = Anchor(**{**vars(anchor), **change})
    trail.run("update audit_anchors set document = :told where number = :it", told=changed.document(), it=number)


def change_anchor_s_columns(trail: Trail) -> None:
    """Change what stands beside the document that the database has of an anchor."""
    trail.run(trail.chance.choice(_ANCHOR_CHANGES), it=trail.number())


_ANCHOR_CHANGES: Final = (
    "update audit_anchors set hash = sha256(hash) where number = :it",
    "update audit_anchors set last_seq = last_seq + 1000 where number = :it",
    "update audit_anchors set first_seq = first_seq - 1000 where number = :it",
    "update audit_anchors set last_seq = -last_seq where number = :it",
    "update audit_anchors set number = -number where number = :it",
    "update audit_anchors set number = number + 1000 where number = :it",
)


def delete_anchor(trail: Trail) -> None:
    """Delete what the database has of an anchor."""
    trail.run("delete from audit_anchors where number = :it", it=trail.number())


def unlist_entry(trail: Trail) -> None:
    """Have an entry not be found by its actor or a target."""
    trail.run(
        "delete from audit_parties where (party, acted, entry_id) in"
        " (select party, acted, entry_id from audit_parties where entry_id = :id order by random() limit 1)",
        id=trail.entry(trail.seq()),
    )


def never_seal(trail: Trail) -> None:
    """Have an entry not be sealed that waits for it."""
    trail.run("delete from audit_queue where ctid = (select ctid from audit_queue limit 1)")


def lose_anchor(trail: Trail) -> None:
    """Take an anchor out of the store."""
    trail.file(trail.number()).unlink()


def change_stored_anchor(trail: Trail) -> None:
    """Change a byte of an anchor in the store."""
    _flip(trail.file(trail.number()), trail.chance)


def change_bundle(trail: Trail) -> None:
    """Change a bundle in the store, cut it off, put another in its place, or take it away."""
    one, other = trail.chance.sample(trail.bundles, 2)
    file = trail.folder / "bundles" / one
    match trail.chance.choice(["flip", "cut", "another", "gone"]):
        case "flip":
            _flip(file, trail.chance)
        case "cut":
            file.write_bytes(file.read_bytes()[: trail.chance.randint(0, file.stat().st_size - 1)])
        case "another":
            file.write_bytes((trail.folder / "bundles" / other).read_bytes())
        case _:
            file.unlink()


def _flip(file: Path, chance: random.Random) -> None:
    data = bytearray(file.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(7)
    file.write_bytes(bytes(data))


Attack = Callable[[Trail], None]

ATTACKS: Final[tuple[Attack, ...]] = (
    *(change_entry, change_entry_and_its_hash, change_details_and_all_hashes, delete_entry, delete_entry_and_seal),
    *(insert_entry, insert_entry_and_seal, swap_seals, change_seal, delete_seal, cut_tail, rewrite, forget_everything),
    *(
        change_anchor,
        change_anchor_s_columns,
        delete_anchor,
        unlist_entry,
        never_seal,
        lose_anchor,
        change_stored_anchor,
        change_bundle,
    ),
)


@contextmanager
def untouched(folder: Path, database: str = DATABASE) -> Iterator[Trail]:
    """Give a trail in an empty database, and a store in a folder, that verify."""
    store, chance = FolderStore(folder / "store"), random.Random()
    bundles = [bundle_store.keep_in(store, os.urandom(size)) for size in range(100, 100 + BUNDLES)]
    with connect(database, postgres_server.SUPERUSER, secret("psql-superuser")).connect() as db:
        for count in ANCHORED:
            _fill(db, count)
            anchoring.anchor(db, DATABASE, store)
        _fill(db, UNANCHORED)
        for number in range(WAITING):
            append(db, NewEntry("command", "command-line:x", f"wait {number}"))
        db.execute(text("set local session_replication_role = replica"))
        db.execute(text(_REHASH))
        trail = Trail(db, store, folder / "store", bundles, chance)
        if (how := found(trail)) is not None:
            raise RuntimeError(how)
        yield trail
        db.rollback()


def _fill(db: Connection, count: int) -> None:
    for number in range(count):
        details: dict[str, object] = {"reason": f"Because of {number}.", "before": number, "after": [number]}
        append(
            db, NewEntry("request", f"usr_{number % 5}/key_1", f"act_{number % 3}", (f"ins_{number}",), details=details)
        )
    sealing.seal(db)


def tampered(trail: Trail, attack: Attack) -> str:
    """Attack a trail, take the attack back, and return how it was found."""
    before = {file: file.read_bytes() for file in trail.folder.rglob("*") if file.is_file()}
    nested = trail.db.begin_nested()
    try:
        attack(trail)
        return found(trail) or NOT_FOUND
    finally:
        nested.rollback()
        for file, content in before.items():
            if not file.is_file() or file.read_bytes() != content:
                file.write_bytes(content)


def found(trail: Trail) -> str | None:
    """Return how a trail isn't what it was, by the verification and by whoever reads bundles; None if it is."""
    broken = checking.check(trail.db, DATABASE, trail.store).first_break
    if broken is not None:
        return broken.kind.value
    for sha256 in trail.bundles:
        try:
            bundle_store.fetch_from(trail.store, sha256)
        except BundleLost:
            return "bundle_lost"
    return None


def main() -> None:
    """Tamper as often as is asked for, and tell what came of it."""
    parser = argparse.ArgumentParser(prog="tamper", description=__doc__)
    parser.add_argument("--changes", type=int, default=10_000, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=None, help="repeats a run")
    told = parser.parse_args()
    seed = told.seed if told.seed is not None else random.randrange(1 << 32)
    with tempfile.TemporaryDirectory(prefix="botberi-tamper-") as name:
        folder, ports = Path(name), free()
        with services.running(folder, ports, durable=False):
            os.environ.update(local_settings.environment(folder, ports))
            databases.prepare([DATABASE])
            with untouched(folder) as trail:
                trail.chance.seed(seed)
                began = time.monotonic()
                outcomes = Counter(
                    (attack.__name__, tampered(trail, attack))
                    for attack in (ATTACKS[number % len(ATTACKS)] for number in range(told.changes))
                )
                seconds = time.monotonic() - began
    sys.exit(report(outcomes, seed, seconds))


def report(outcomes: Counter[tuple[str, str]], seed: int, seconds: float) -> int:
    """Print what was done and how it was found; return 1 if anything wasn't."""
    rows = [(attack.replace("_", " "), how, str(count)) for (attack, how), count in sorted(outcomes.items())]
    missed = sum(count for (_, how), count in outcomes.items() if how == NOT_FOUND)
    click.echo(aligned([("what was done", "found as", "times"), *rows]))
    click.echo(f"\n{outcomes.total()} changes in {seconds:.0f} s (seed {seed}): {missed} not found")
    return 1 if missed else 0


if __name__ == "__main__":
    main()
