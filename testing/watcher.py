"""Whoever watches RabbitMQ during the tests from end to end: every message is held to what the catalog promises."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import jsonschema
import pika
from pika.spec import PERSISTENT_DELIVERY_MODE
from pydantic import JsonValue

from events import envelope, wire
from events.broker import bus
from events.contracts import contracts
from events.dispatcher.delivery import attributes
from events.wire import CloudEvent, NotAnEventError
from functions.runtime.event_bodies import whole
from tools.documents import Document

QUEUE: Final = "watcher"

SHOWN: Final = 10
"""Complaints that an error shows at most."""


class Watcher:
    """A queue that receives everything, and what was seen in it."""

    def __init__(self) -> None:
        """Bind the queue, in the vhost that EVENT_BUS_URL names, to all that is said."""
        self.types: set[str] = set()
        self.events: dict[str, dict[str, JsonValue]] = {}
        self.complaints: list[str] = []
        with pika.BlockingConnection(bus.parameters("admin")) as connection:
            channel = connection.channel()
            channel.queue_declare(QUEUE, durable=True)
            for exchange in (bus.EXCHANGE, bus.NOTIFY_EXCHANGE):
                channel.queue_bind(QUEUE, exchange, "#")

    def look(self) -> set[str]:
        """Take in what has come since, and return every type that was seen so far."""
        with pika.BlockingConnection(bus.parameters("admin")) as connection:
            channel = connection.channel()
            while (got := channel.basic_get(QUEUE, auto_ack=True))[0] is not None:
                method, properties, body = got
                found = list(complaints(str(method.exchange), str(method.routing_key), properties, body))
                self.types.add(str(properties.type))
                self.events[str(properties.message_id)] = attributes(body)
                self.complaints += [f"{method.exchange} {properties.message_id}: {each}" for each in found]
        return self.types

    def about(self, subject: str) -> list[dict[str, JsonValue]]:
        """Return the events about a subject that were seen so far."""
        self.look()
        return [event for event in self.events.values() if event.get("subject") == subject]

    def verify(self) -> None:
        """Fail if any message that was ever seen was not as promised."""
        self.look()
        assert not self.complaints, "\n".join(self.complaints[:SHOWN])


def complaints(exchange: str, routing_key: str, properties: pika.BasicProperties, body: bytes) -> Iterator[str]:
    """Yield what is wrong with a message."""
    try:
        event = wire.decode(body)
    except NotAnEventError as error:
        yield str(error)
        return
    told = {
        "content_type": (properties.content_type, wire.CONTENT_TYPE),
        "delivery_mode": (properties.delivery_mode, PERSISTENT_DELIVERY_MODE),
        "message_id": (properties.message_id, event.id),
        "type": (properties.type, event.type),
        "routing key": (routing_key, event.type if exchange == bus.EXCHANGE else routing_key),
    }
    yield from (f"its {name} is {is_so!r}, not {wanted!r}" for name, (is_so, wanted) in told.items() if is_so != wanted)
    yield from _against(_committed("envelope.json"), json.loads(body))
    if exchange == bus.EXCHANGE:
        yield from (f"it has no {name}" for name in envelope.OURS if name not in json.loads(body))
        yield from _astray(event)
    yield from _unlike_its_type(event)


def _astray(event: CloudEvent) -> Iterator[str]:
    address = urlsplit(event.dataschema or "")
    if address.scheme not in {"http", "https"} or address.path != envelope.schema_path(event.type):
        yield f"its dataschema is {event.dataschema!r}"


def _unlike_its_type(event: CloudEvent) -> Iterator[str]:
    """Yield how the data differs from the committed schema, which is wherever the data is."""
    try:
        schema = _committed(f"schemas/{event.type}.json")
    except FileNotFoundError:
        yield f"the catalog has no {event.type}"
        return
    data = whole(event, "subscribers").data
    yield from _against(schema, data)
    yield from (f"the schema has no field {name!r}" for name in data if name not in schema["properties"])


def _against(schema: Document, value: object) -> Iterator[str]:
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    yield from (f"{error.json_path}: {error.message}" for error in validator.iter_errors(value))


def _committed(name: str) -> Document:
    file: Path = contracts.ROOT / contracts.FOLDER / name
    return dict(json.loads(file.read_text(encoding="utf-8")))
