"""The history checker: writers that keep a version per subject, and what became of every version they committed."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from core.postgres.errors import Error
from core.postgres.session import Session
from tools.harness.path import DATABASE, EventPath

Version = tuple[str, int]

SET_UP: Final = """
create table if not exists subjects (id text primary key, version bigint not null);
create table if not exists history (subject text, version bigint, primary key (subject, version));
create or replace procedure write_version(name text, size integer default 0) language plpgsql as $$
declare
  next bigint;
begin
  insert into subjects values (name, 1) on conflict (id) do update set version = subjects.version + 1
  returning version into next;
  perform emit_event('com.botberi.agent.created.v1', name,
    jsonb_build_object('agent_id', name, 'slug', next::text, 'more', repeat('x', size)));
  insert into history values (name, next);
end $$;
create or replace procedure write_history(subject text) language plpgsql as $$
begin
  call write_version(subject);
  if random() < 0.1 then
    rollback;
  end if;
end $$;
"""
"""What keeps a version for each subject, and the versions that were committed."""


@dataclass(frozen=True)
class Verdict:
    """What became of what was committed."""

    committed: int
    lost: int
    """Committed, never delivered."""
    phantom: int
    """Delivered, never committed."""
    inverted: int
    """First delivered after a later version of the same subject."""
    duplicates: int


def judge(committed: Iterable[Version], delivered: Iterable[Version]) -> Verdict:
    """Compare what was committed with what was delivered, in order."""
    wanted, got = set(committed), list(delivered)
    counts = Counter(got)
    newest: dict[str, int] = {}
    inverted = 0
    for subject, version in dict.fromkeys(got):
        inverted += version < newest.get(subject, 0)
        newest[subject] = max(version, newest.get(subject, 0))
    return Verdict(len(wanted), len(wanted - set(counts)), len(set(counts) - wanted), inverted, len(got) - len(counts))


@contextmanager
def writing(*, threads: int = 4, each: int = 300, subjects: int = 20) -> Iterator[None]:
    """Commit events in threads beside the block, and roll one in ten back; wait until all is written.

    `each` is how many transactions a thread makes.
    """
    with closing(Session(DATABASE, "migrator", name="history")) as session:
        session.run(SET_UP)
    with ThreadPoolExecutor(threads) as pool:
        written = [pool.submit(_write, number, each, subjects) for number in range(threads)]
        yield
        for future in written:
            future.result()


def _write(number: int, each: int, subjects: int) -> None:
    done = 0
    while done < each:
        # The database may be restarting. Whether a transaction was committed then, the history says.
        with suppress(Error, OSError), closing(Session(DATABASE, "migrator", name="writer")) as session:
            while done < each:
                session.run(f"call write_history('agt_{(number * 7 + done) % subjects}')")
                done += 1


def committed(path: EventPath) -> list[Version]:
    """Return every version that was committed."""
    return [(subject, version) for subject, version in path.query("select subject, version from history")]


def drained(path: EventPath) -> bool:
    """Return whether the relay has delivered everything that is in the outbox."""
    sql = "select not exists (select from outbox, relay_cursor where not pg_visible_in_snapshot(xid, s1))"
    return path.query(sql) == [(True,)]


def delivered(path: EventPath, queue: str) -> list[Version]:
    """Take everything out of a queue and return its versions in order."""
    found = []
    with path.broker() as connection:
        channel = connection.channel()
        for method, _, body in channel.consume(queue, auto_ack=True, inactivity_timeout=1):
            if method is None or body is None:
                break
            event = json.loads(body)
            found.append((event["subject"], int(event["data"]["slug"])))
        channel.cancel()
    return found
