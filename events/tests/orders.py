"""The reverse direction's two ends, for tests: another system that publishes orders, and who listens in Postgres."""

import json

import pika

from core.postgres.session import Session
from events.broker import bus
from events.catalog.agents import AgentCreated
from events.contracts import contracts
from tools.documents import Document
from tools.harness.path import EventPath

Heard = list[Document]


class Listener:
    """Listens on the channel `orders`."""

    def __init__(self, session: Session) -> None:
        """Listen from now on."""
        self.session = session
        session.run("listen orders")
        self.received: Heard = []

    def listen(self) -> Heard:
        """Return everything that was received so far."""
        for channel, payload in self.session.notifications():
            assert channel == "orders"
            self.received.append(json.loads(payload))
        return self.received


def order(number: int | str, **changes: object) -> Document:
    """Return an event of another system with these attributes."""
    return contracts.example(AgentCreated) | {"id": f"order-{number}", "source": "/shop", "channel": "orders"} | changes


def send(path: EventPath, *events: Document | bytes) -> None:
    """Publish as another system would."""
    with path.broker() as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for event in events:
            body = event if isinstance(event, bytes) else json.dumps(event).encode()
            channel.basic_publish(bus.NOTIFY_EXCHANGE, "anything", body, pika.BasicProperties(delivery_mode=2))
