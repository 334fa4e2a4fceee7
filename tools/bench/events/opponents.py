"""`python -m tools.bench.events.opponents`: plain publishers with no database, which the relay has to outrun."""

import json
import sys
import time
from collections.abc import Callable
from typing import Final

import pika
from pika.channel import Channel
from pika.frame import Method
from pika.spec import Basic

from events.broker import bus
from events.wire import CONTENT_TYPE

IN_FLIGHT: Final = 1000

BODY: Final = json.dumps(
    {
        "specversion": "1.0",
        "id": "evt_" + "0" * 32,
        "source": "/botberi/shared_psql",
        "type": "com.botberi.agent.created.v1",
        "subject": "agt_%03d",
        "time": "2026-01-02T03:04:05.678901Z",
        "datacontenttype": "application/json",
        "dataschema": "http://localhost:8080/v1/event-types/com.botberi.agent.created.v1/schema",
        "sequence": "0" * 20,
        "partitionkey": "agt_%03d",
        "actor": "system",
        "data": {"slug": "n12345", "agent_id": "agt_%03d"},
    },
    separators=(",", ":"),
)


def body(number: int) -> bytes:
    """Return an event as large as those of the relay."""
    return BODY.replace("%03d", str(number % 1000)).encode()


def _properties(number: int) -> pika.BasicProperties:
    return pika.BasicProperties(
        content_type=CONTENT_TYPE, delivery_mode=2, message_id=f"evt_{number:032}", type="com.botberi.agent.created.v1"
    )


class Pipelined:
    """The best that one writes with pika: one thread, persistent, mandatory, up to a thousand unconfirmed."""

    def __init__(self, count: int) -> None:
        """Publish `count` events."""
        self.count = count
        self.sent = 0
        self.confirmed = 0
        self.elapsed = 0.0
        self.connection = pika.SelectConnection(
            bus.parameters("admin"), on_open_callback=lambda connection: connection.channel(on_open_callback=self._open)
        )

    def run(self) -> float:
        """Return the seconds from the first publish to the last confirm."""
        self.connection.ioloop.start()
        return self.elapsed

    def _open(self, channel: Channel) -> None:
        self.channel = channel
        channel.confirm_delivery(self._confirm, callback=lambda _: self._begin())

    def _begin(self) -> None:
        self.started = time.perf_counter()
        self._fill()

    def _fill(self) -> None:
        while self.sent < self.count and self.sent - self.confirmed < IN_FLIGHT:
            self.channel.basic_publish(
                bus.EXCHANGE, "com.botberi.agent.created.v1", body(self.sent), _properties(self.sent), mandatory=True
            )
            self.sent += 1

    def _confirm(self, frame: Method[Basic.Ack | Basic.Nack]) -> None:
        # Confirms come in order here: one queue, one channel.
        self.confirmed = frame.method.delivery_tag
        if self.confirmed < self.count:
            self._fill()
        else:
            self.elapsed = time.perf_counter() - self.started
            self.connection.close()
            self.connection.ioloop.stop()


def pipelined(count: int) -> float:
    """Return the events a second of the pipelined loop."""
    return count / Pipelined(count).run()


def blocking(count: int) -> float:
    """Return the events a second of a BlockingConnection that waits for each confirm."""
    with pika.BlockingConnection(bus.parameters("admin")) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        started = time.perf_counter()
        for number in range(count):
            channel.basic_publish(
                bus.EXCHANGE, "com.botberi.agent.created.v1", body(number), _properties(number), mandatory=True
            )
        return count / (time.perf_counter() - started)


_KINDS: Final[dict[str, Callable[[int], float]]] = {"pipelined": pipelined, "blocking": blocking}

if __name__ == "__main__":
    sys.stdout.write(str(_KINDS[sys.argv[1]](int(sys.argv[2]))))
