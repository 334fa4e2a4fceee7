"""Writers that write in bursts, and a subscriber that notes what arrives: between the two nothing may get lost."""

import json
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError

from core.postgres.errors import Error
from core.postgres.session import Reconnecting, Session
from events.broker import bus
from tools.harness.history import SET_UP, Version
from tools.harness.path import DATABASE
from tools.harness.recorder import Event

SUBJECTS: Final = 60

BATCH: Final = 10
"""Events of a transaction."""

MARKER: Final = "agt_marker"
"""The subject that is written to see whether events pass again."""

_FORGET: Final = "truncate outbox, parked_events; drop table if exists subjects, history;"

_PROCEDURES: Final = """
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


def forget() -> None:
    """Forget what was written before, and make what writes."""
    with closing(Session(DATABASE, "migrator", name="chaos")) as session:
        session.run(_FORGET + SET_UP + _PROCEDURES)


@contextmanager
def writing(pace: Pace) -> Iterator[None]:
    """Commit transactions of several events in threads inside the block; one in ten is rolled back."""
    stopped = threading.Event()
    with ThreadPoolExecutor(max(1, pace.threads)) as pool:
        written = [pool.submit(_write, pace, stopped) for _ in range(pace.threads)]
        try:
            yield
        finally:
            stopped.set()
        for each in written:
            each.result()


def _write(pace: Pace, stopped: threading.Event) -> None:
    while not stopped.is_set():
        # The database may be away. Whether a transaction was committed then, the history says.
        with suppress(Error, OSError), closing(Session(DATABASE, "migrator", name="writer")) as session:
            while not stopped.is_set():
                for _ in range(random.randint(1, pace.burst)):
                    first = random.randrange(SUBJECTS - BATCH)
                    session.run(f"call write_versions({first}, {BATCH})")
                stopped.wait(random.uniform(0, pace.rest))
        stopped.wait(0.05)


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

    def _note(self, event: Event) -> None:
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
