"""The faults: each happens again and again while writers write, and says what has to hold besides the history."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Final

from events import bus
from events.chaos import network
from events.chaos.field import QUEUE, Field
from events.chaos.load import mark, until
from events.postgres import Session


def kill(field: Field, times: int) -> None:
    """Kill the active relay at any moment; another stands by, and a third takes the dead one's place."""
    with field.pressure():
        for _ in range(times):
            time.sleep(random.uniform(0.1, 0.8))  # noqa: S311 - any moment
            name = field.active()
            field.send(name, signal.SIGKILL)
            field.recovered()
            field.start(name)


PLACES: Final = ("lease", "read", "publish", "confirm", "save", "saved")


def kill_in_places(field: Field, times: int) -> None:
    """Kill a relay in each place of its work."""
    with field.pressure():
        for number in range(times):
            field.stop_relays()
            place = PLACES[number % len(PLACES)]
            nth = 1 if place == "lease" else random.randrange(1, 300 if place in {"publish", "confirm"} else 10)  # noqa: S311 - any
            victim = field.start("victim", BOTBERI_FAILPOINT=f"relay.{place}:{nth}")
            until(lambda each=victim: not each.alive, 60, f"the relay did not die at {place}")  # type: ignore[misc]  # bound now
            field.start("relay-1")
            field.recovered()


def freeze(field: Field, times: int) -> None:
    """Stop the active relay until another has taken over, then let it go on."""
    with field.pressure():
        for _ in range(times):
            name = field.active()
            field.send(name, signal.SIGSTOP)
            field.recovered()
            field.send(name, signal.SIGCONT)
            time.sleep(1)


def roll(field: Field, times: int) -> None:
    """Stop the active relay kindly, and start it again."""
    with field.pressure():
        for _ in range(times):
            time.sleep(0.3)
            name = field.active()
            field.send(name, signal.SIGTERM)
            field.recovered()
            field.start(name)


def kill_broker(field: Field, times: int) -> None:
    """Kill RabbitMQ and start it again."""
    with field.pressure():
        for _ in range(times):
            time.sleep(2)
            field.ground.kill_broker()
            field.ground.start_broker()
            field.recovered()


def close_connections(field: Field, times: int) -> None:
    """Let RabbitMQ close the relays' connections."""
    with field.pressure():
        for _ in range(times):
            time.sleep(0.5)
            field.ground.close_connections("botberi_relay")
            field.recovered()


def alarm(field: Field, times: int) -> None:
    """Let RabbitMQ have too little memory for three seconds."""
    with field.pressure():
        for _ in range(times):
            field.ground.control("set_vm_memory_high_watermark", "0.00001")
            time.sleep(3)
            field.ground.control("set_vm_memory_high_watermark", "0.4")
            field.recovered()


def delete_exchange(field: Field, times: int) -> None:
    """Delete the exchange, and make it again a second later."""
    with field.pressure():
        for _ in range(times):
            time.sleep(1)
            with field.path.broker() as broker:
                broker.channel().exchange_delete(bus.EXCHANGE)
            time.sleep(1)
            field.path.declare(check=True)
            field.recovered()
            _redrive(field)


def unbind(field: Field, times: int) -> None:
    """Remove the queue's binding: what nobody takes is parked, and redriven when the binding is back."""
    with field.pressure():
        for _ in range(times):
            time.sleep(1)
            with field.path.broker() as broker:
                broker.channel().queue_unbind(QUEUE.queue, bus.EXCHANGE, "#")
            until(lambda: field.path.parked() != [], 60, "nothing was parked")
            field.path.declare(check=True)
            field.recovered()
            _redrive(field)


def _redrive(field: Field) -> None:
    time.sleep(0.5)
    field.path.query("select redrive_parked_event(seq) from (select seq from parked_events order by seq) as parked")


def restart_database(number: signal.Signals) -> Callable[[Field, int], None]:
    """Return the fault that Postgres is stopped by a signal and started again."""

    def happen(field: Field, times: int) -> None:
        with field.pressure():
            for _ in range(times):
                time.sleep(1)
                field.ground.stop_database(number)
                field.ground.start_database()
                field.recovered()

    return happen


def terminate(field: Field, times: int) -> None:
    """Terminate a backend of the relay, at random."""
    with field.pressure():
        for _ in range(times):
            time.sleep(random.uniform(0.1, 0.5))  # noqa: S311 - any moment
            field.path.terminate(random.choice(("botberi-relay", "botberi-relay-bell", "botberi-relay-gate")))  # noqa: S311 - any
            field.recovered()


def cut_bell(field: Field, times: int) -> None:
    """Terminate only the listening backend."""
    with field.pressure():
        for _ in range(times):
            field.path.terminate("botberi-relay-bell")
            field.recovered()


def transact(field: Field, times: int) -> None:
    """Commit a hundred thousand rows at once, and hold a prepared transaction open, as others write."""
    many = "call write_many()"
    with field.pressure():
        field.path.query(_MANY)
        for number in range(times):
            with closing(Session("shared_psql", "migrator", name="prepared")) as session:
                session.run("begin")
                session.run(f"call write_version('agt_prepared_{number}')")
                session.run(f"prepare transaction 'chaos_{number}'")
                field.path.query(many)
                field.recovered()
                session.run(f"commit prepared 'chaos_{number}'")


_MANY: Final = """
create or replace procedure write_many() language plpgsql as $$
begin
  for n in 1 .. 100000 loop
    call write_version('agt_many_' || n % 1000);
  end loop;
end $$
"""


def hold_open(field: Field, times: int) -> None:
    """Hold an unrelated transaction open, that has written something, and see whether events pass."""
    with field.path.held_open(), field.pressure():
        for _ in range(times):
            time.sleep(1)
            field.recovered()


def nap(field: Field, times: int) -> None:
    """Let the relay fall asleep and wake it with one event, again and again."""
    with field.pressure():
        pass
    field.recoveries = []
    field.listen()
    field.start("relay-1")
    field.active()
    try:
        for _ in range(times):
            time.sleep(random.uniform(0.08, 0.2))  # noqa: S311 - asleep, or about to be
            before, started = field.ear.marked, time.monotonic()
            mark()
            until(lambda newest=before: field.ear.marked > newest, 30, "nobody woke up")  # type: ignore[misc]  # bound now
            field.recoveries.append(time.monotonic() - started)
        field.settle()
    finally:
        field.ear.stop()
        field.stop_relays()


@contextmanager
def _in_network(field: Field) -> Iterator[network.Network]:
    """Make a relay active that lives in a network of its own, with another standing by outside."""
    ports = (field.ground.ports.shared_psql, field.ground.ports.event_bus)
    with network.made(*ports) as made, field.pressure(relays=False):
        field.start("inside", network.INSIDE, **made.settings(field.path.environment))
        until(lambda: field.active() == "inside", 60, "the relay in the namespace isn't active")
        field.start("outside")
        yield made


def lose(chain: str, *match: str) -> Callable[[Field, int], None]:
    """Return the fault that packets of the active relay are dropped: all of a direction, or those that match."""

    def happen(field: Field, times: int) -> None:
        with _in_network(field) as made:
            for _ in range(times):
                with made.rule(chain, *match):
                    field.recovered()
                field.send("outside", signal.SIGTERM)
                until(lambda: field.active() == "inside", 60, "the relay in the namespace isn't active again")
                field.start("outside")

    return happen


def slow(field: Field, times: int) -> None:
    """Let every byte between the active relay and its services take 200 ms."""
    with _in_network(field) as made, made.slow(0.2):
        for _ in range(times):
            field.recovered()
