"""Writers that write in bursts, and a subscriber that notes what arrives: between the two nothing may get lost."""

import json
import random
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, Final, Self

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError

from core.postgres.errors import Error
from core.postgres.session import Reconnecting, Session
from events.broker import bus
from tools.harness.history import Version

DATABASE: Final = "shared_psql"

SUBJECTS: Final = 60

BATCH: Final = 10
"""Events of a transaction."""

MARKER: Final = "agt_marker"
"""The subject that is written to see whether events pass again."""

_SET_UP: Final = """
truncate outbox, parked_events;
drop table if exists subjects, history;
create table subjects (id text primary key, version bigint not null);
create table history (subject text, version bigint, primary key (subject, version));
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
create or replace procedure write_many(count integer, size integer default 0) language plpgsql as $$
begin
  for n in 1 .. count loop
    call write_version('agt_many_' || n % 1000, size);
  end loop;
end $$;
create or replace procedure write_versions(first integer, count integer) language plpgsql as $$
begin
  for n in first .. first + count - 1 loop
    call write_version('agt_' || n);
  end loop;
  if random() < 0.1 then
    begin
      perform emit_event('com.botberi.agent.created.v1', 'agt_phantom', '{"agent_id": "agt_phantom", "slug": "1"}');
      raise exception 'a subtransaction that is rolled back';
    exception when raise_exception then null;
    end;
  end if;
  if random() < 0.1 then
    rollback;
  end if;
end $$
"""


@dataclass(frozen=True)
class Pace:
    """How much is written: bursts as fast as can be, and rests between them."""

    threads: int = 4
    burst: int = 30
    """Transactions of a burst, at most."""
    rest: float = 0.9
    """Seconds of a rest, at most."""


class Load:
    """Threads that commit transactions of several events until they are told to stop; one in ten is rolled back."""

    def __init__(self, pace: Pace) -> None:
        """Forget what was written before."""
        self.pace = pace
        with closing(Session(DATABASE, "migrator", name="chaos")) as session:
            session.run(_SET_UP)
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._write, daemon=True) for _ in range(pace.threads)]

    def __enter__(self) -> Self:
        """Start writing."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop writing."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _write(self) -> None:
        while not self._stopped.is_set():
            # The database may be away. Whether a transaction was committed then, the history says.
            with suppress(Error, OSError), closing(Session(DATABASE, "migrator", name="writer")) as session:
                while not self._stopped.is_set():
                    for _ in range(random.randint(1, self.pace.burst)):
                        first = random.randrange(SUBJECTS - BATCH)
                        session.run(f"call write_versions({first}, {BATCH})")
                    self._stopped.wait(random.uniform(0, self.pace.rest))
            self._stopped.wait(0.05)


class Marker:
    """Commits events of one subject, to see whether they arrive."""

    def __init__(self) -> None:
        """Connect when it is needed."""
        self._database = Reconnecting(DATABASE, "migrator", name="marker")

    def mark(self) -> int | None:
        """Commit one event and return its version; None while the database can't be reached."""
        try:
            session = self._database.open()
            session.run(f"call write_version('{MARKER}')")
            [[version]] = session.run("select version from subjects where id = :id", id=MARKER)
        except (Error, OSError):
            self.close()
            return None
        return int(version)

    def close(self) -> None:
        """Close the connection; the next mark opens another."""
        self._database.close()


class Ear(threading.Thread):
    """Takes everything out of a queue and notes it in its order, connection after connection."""

    def __init__(self, queue: str) -> None:
        """Listen to `queue`."""
        super().__init__(name="ear", daemon=True)
        self.queue = queue
        self.received: list[Version] = []
        self.marked = 0
        """The newest version of the marker."""
        self.pause = 0.0
        """Seconds that it takes over every event."""
        self._stopped = threading.Event()

    def run(self) -> None:
        """Listen until stopped."""
        while not self._stopped.is_set():
            with suppress(AMQPError, OSError), pika.BlockingConnection(bus.parameters("admin", heartbeat=30)) as broker:
                self._listen(broker.channel())
            self._stopped.wait(0.05)

    def _listen(self, channel: BlockingChannel) -> None:
        channel.basic_qos(prefetch_count=1000)
        pending = 0
        for method, _, body in channel.consume(self.queue, inactivity_timeout=0.1):
            if body is not None:
                self._note(json.loads(body))
                pending += 1
            if pending and (method is None or pending >= 100):
                channel.basic_ack(0, multiple=True)
                pending = 0
            if self._stopped.is_set():
                return

    def _note(self, event: dict[str, Any]) -> None:
        if self.pause:
            time.sleep(self.pause)
        version = int(event["data"]["slug"])
        self.received.append((event["subject"], version))
        if event["subject"] == MARKER:
            self.marked = max(self.marked, version)

    def stop(self) -> None:
        """Stop listening."""
        self._stopped.set()
        self.join()
