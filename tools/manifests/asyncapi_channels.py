"""The channels of deploy/asyncapi/events.json: routing keys, the subscribers' queues, and the way back to Postgres."""

from collections.abc import Mapping, Sequence
from typing import Final

from events.broker import bus
from events.event import Event
from events.topology import declaration
from functions.runtime.declarations import Declaration
from tools.manifests import realtime
from tools.manifests.event_pages import what, when
from tools.manifests.producers import consumers

Json = Mapping[str, object]

VERSION: Final = {"bindingVersion": "0.3.0"}
"""Of AsyncAPI's AMQP bindings."""

_MESSAGE: Final = "#/components/messages/{}"


def short(model: type[Event]) -> str:
    """Return the name of a type within the document: `agent.created.v1`."""
    return model.type.removeprefix("com.botberi.")


def server() -> Json:
    """Return the broker."""
    return {
        "host": "{host}:{port}",
        "pathname": "/{vhost}",
        "protocol": "amqp",
        "protocolVersion": "0.9.1",
        "title": "RabbitMQ",
        "variables": {
            "host": {"default": "localhost"},
            "port": {"default": "5672"},
            "vhost": {"default": "botberi", "description": "The virtual host, which EVENT_BUS_URL names."},
        },
        "security": [{"$ref": "#/components/securitySchemes/password"}],
    }


def channels(models: Sequence[type[Event]], declarations: Sequence[Declaration]) -> Json:
    """Return a channel for each type, for each queue, and for what is addressed to Postgres."""
    by_type = {short(model): _routing_key(model) for model in models}
    queues = {
        each.deployment: _queue(
            f"botberi.{each.deployment}",
            f"What {each.deployment} has yet to handle.",
            [short(model) for model in models if each in consumers(model, declarations)],
        )
        for each in subscribers(declarations)
    }
    notified = _queue(
        bus.NOTIFY_QUEUE, "Events that are addressed to Postgres and have yet to be a NOTIFY.", ["addressed"]
    )
    reverse = {"notify": _notify_exchange(), "notify.shared_psql": notified, "gateway": realtime.feed()}
    return by_type | queues | reverse | {"dead-letters": _dead_letters(models, declarations)}


def _routing_key(model: type[Event]) -> Json:
    return {
        "address": model.type,
        "title": what(model),
        "description": when(model),
        "messages": _messages([short(model)]),
        "bindings": {"amqp": _exchange(bus.EXCHANGE)},
    }


def _exchange(name: str) -> Json:
    return {
        "is": "routingKey",
        "exchange": {"name": name, "type": "topic", "durable": True, "autoDelete": False},
    } | VERSION


def _queue(name: str, title: str, messages: Sequence[str]) -> Json:
    queue = {"name": name, "durable": True, "exclusive": False, "autoDelete": False}
    binding = {"is": "queue", "queue": queue, "x-arguments": declaration.arguments_of(name)} | VERSION
    return {"address": name, "title": title, "messages": _messages(messages), "bindings": {"amqp": binding}}


def _notify_exchange() -> Json:
    return {
        "address": "{routingKey}",
        "title": "Where other systems publish what Postgres is to receive as a NOTIFY.",
        "parameters": {"routingKey": {"description": "Whatever suits: the attribute `channel` says where it goes."}},
        "messages": _messages(["addressed"]),
        "bindings": {"amqp": _exchange(bus.NOTIFY_EXCHANGE)},
    }


def _dead_letters(models: Sequence[type[Event]], declarations: Sequence[Declaration]) -> Json:
    queues = [bus.NOTIFY_QUEUE, *(f"botberi.{each.deployment}" for each in subscribers(declarations))]
    binding = {"is": "queue", "queue": {"durable": True, "exclusive": False, "autoDelete": False}} | VERSION
    return {
        "address": bus.dead("{queue}"),
        "title": "What a queue's consumer has given up.",
        "parameters": {"queue": {"description": "The queue that they died in.", "enum": queues}},
        "messages": _messages([*map(short, models), "addressed"]),
        "bindings": {"amqp": binding | {"x-arguments": declaration.dead_arguments()}},
    }


def _messages(names: Sequence[str]) -> Json:
    return {name: {"$ref": _MESSAGE.format(name)} for name in names}


def subscribers(declarations: Sequence[Declaration]) -> list[Declaration]:
    """Return those of the declarations that receive events."""
    return [each for each in declarations if each.event_types]
