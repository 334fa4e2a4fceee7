"""Writers that never rest, and a subscriber that notes what arrives: the two ends between which nothing may happen."""

import json
import random
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any, Final, Self

import pika
from pg8000.exceptions import Error
from pika.exceptions import AMQPError

from events import bus
from events.postgres import Session
from events.tests.history import Version

DATABASE: Final = "shared_psql"

SUBJECTS: Final = 60

BATCH: Final = 10
"""Events of a transaction."""

MARKER: Final = "agt_marker"
"""The subject that is written to see whether events pass again."""

_SET_UP: Final = """
drop table if exists subjects, history;
create table subjects (id text primary key, version bigint not null);
create table history (subject text, version bigint, primary key (subject, version));
create or replace procedure write_version(name text) language plpgsql as $$
declare
  next bigint;
begin
  insert into subjects values (name, 1) on conflict (id) do update set version = subjects.version + 1
  returning version into next;
  perform emit_event('com.botberi.agent.created.v1', name, jsonb_build_object('agent_id', name, 'slug', next::text));
  insert into history values (name, next);
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


class Load:
    """Threads that commit transactions of several events until they are told to stop; one in ten is rolled back."""

    def __init__(self, threads: int = 4) -> None:
        """Forget what was written before."""
        with closing(Session(DATABASE, "migrator", name="chaos")) as session:
            session.run(_SET_UP)
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._write, daemon=True) for _ in range(threads)]

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
                    first = random.randrange(SUBJECTS - BATCH)  # noqa: S311 - any will do
                    session.run(f"call write_versions({first}, {BATCH})")
            self._stopped.wait(0.05)


def mark() -> None:
    """Commit one event of the marker, or raise."""
    with closing(Session(DATABASE, "migrator", name="marker")) as session:
        session.run(f"call write_version('{MARKER}')")


class Ear(threading.Thread):
    """Takes everything out of a queue and notes it in its order, connection after connection."""

    def __init__(self, queue: str) -> None:
        """Listen to `queue`."""
        super().__init__(name="ear", daemon=True)
        self.queue = queue
        self.heard: list[Version] = []
        self.marked = 0
        """The newest version of the marker."""
        self._stopped = threading.Event()

    def run(self) -> None:
        """Listen until stopped."""
        while not self._stopped.is_set():
            with suppress(AMQPError, OSError), pika.BlockingConnection(bus.parameters("admin", heartbeat=30)) as broker:
                self._listen(broker.channel())
            self._stopped.wait(0.05)

    def _listen(self, channel: Any) -> None:  # noqa: ANN401 - pika's
        channel.basic_qos(prefetch_count=1000)
        pending = 0
        for method, _, body in channel.consume(self.queue, inactivity_timeout=0.1):
            if method is not None:
                self._note(json.loads(body))
                pending += 1
            if pending and (method is None or pending >= 100):  # noqa: PLR2004 - now and then
                channel.basic_ack(0, multiple=True)
                pending = 0
            if self._stopped.is_set():
                return

    def _note(self, event: dict[str, Any]) -> None:
        version = int(event["data"]["slug"])
        self.heard.append((event["subject"], version))
        if event["subject"] == MARKER:
            self.marked = max(self.marked, version)

    def stop(self) -> None:
        """Stop listening."""
        self._stopped.set()
        self.join()


def until(condition: Callable[[], bool], seconds: float, otherwise: str) -> float:
    """Wait for a condition and return how long it took; raise TimeoutError after `seconds`."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > seconds:
            raise TimeoutError(otherwise)
        time.sleep(0.01)
    return time.monotonic() - started
