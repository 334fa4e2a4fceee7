"""deploy/asyncapi/realtime.json: what a browser and the gateway say to each other, as an AsyncAPI 3 document."""

import inspect
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from pydantic.json_schema import models_json_schema

from events import envelope
from events.broker import bus
from events.catalog.accounts import ApiKeyRevoked, SessionRevoked
from events.catalog.instances import InstanceStatusChanged
from events.contracts import contracts
from functions.services.realtime import protocol
from functions.services.realtime.protocol import NOTICES, SAID, CloseCode, Message

FILE: Final = Path("deploy/asyncapi/realtime.json")

Json = dict[str, object]

_SCHEMA: Final = "#/components/schemas/{model}"
_EVENT: Final = "event"

_ABOUT: Final = (
    "Events as they happen, for browsers: a WebSocket whose messages are texts of JSON, objects of one key that names "
    "the message. The first of a client is `authenticate`; then come the events that are the caller's, as CloudEvents, "
    "each with its number. What events there are is in events.json beside this file."
)


def document() -> str:
    """Return the document as JSON text."""
    from_client = list(SAID)
    from_gateway = list(NOTICES)
    whole = {
        "asyncapi": "3.0.0",
        "id": "urn:com:botberi:realtime",
        "info": {"title": "Botberi's events for browsers", "version": "1", "description": _ABOUT},
        "defaultContentType": "application/json",
        "servers": {"edge": {"host": "localhost:8080", "protocol": "ws", "description": "`wss` behind TLS."}},
        "channels": {"realtime": _channel([*from_client, *from_gateway])},
        "operations": {
            "receive": _operation("receive", "What a client says.", map(protocol.name_of, from_client)),
            "tell": _operation("send", "What the gateway says.", [*map(protocol.name_of, from_gateway), _EVENT]),
        },
        "components": {
            "messages": {protocol.name_of(each): _message(each) for each in (*from_client, *from_gateway)}
            | {_EVENT: _event()},
            "schemas": {"CloudEvent": envelope.schema()} | _schemas([*from_client, *from_gateway]),
        },
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def feed() -> Json:
    """Return the channel by which the gateway receives from RabbitMQ, for the document of the event path."""
    queue = {"durable": False, "exclusive": True, "autoDelete": True}
    names = [each.type.removeprefix("com.botberi.") for each in (SessionRevoked, ApiKeyRevoked)]
    return {
        "address": None,
        "title": "By what a gateway sees sessions and API keys end: a queue of each process' own, named at the moment.",
        "description": f"Bound to `{bus.EXCHANGE}`; to all of it while an administrator looks at everybody's events. "
        "What belongs to somebody is read from Postgres, where it is numbered.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"amqp": {"is": "queue", "queue": queue, "bindingVersion": "0.3.0"}},
    }


def _channel(said: Sequence[type[Message]]) -> Json:
    codes = {str(each.value): each.name.lower() for each in CloseCode}
    names = [*map(protocol.name_of, said), _EVENT]
    return {
        "address": protocol.PATH,
        "title": "A connection of a browser.",
        "description": f"The subprotocol is `{protocol.SUBPROTOCOL}`. The reason of a close is a word for programs.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
        "x-close-codes": codes,
    }


def _operation(action: str, summary: str, names: Iterable[str]) -> Json:
    messages = [{"$ref": f"#/channels/realtime/messages/{name}"} for name in names]
    return {"action": action, "channel": {"$ref": "#/channels/realtime"}, "summary": summary, "messages": messages}


def _message(model: type[Message]) -> Json:
    name = protocol.name_of(model)
    content = {"$ref": _SCHEMA.format(model=model.__name__)}
    summary = " ".join((inspect.getdoc(model) or "").split())
    payload = {"type": "object", "required": [name], "properties": {name: content}, "additionalProperties": False}
    return {"name": name, "title": name, "summary": summary, "payload": payload}


def _event() -> Json:
    number = {
        "anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}],
        "description": "Among the events of the caller's account, counted from 1; null for an event of somebody else.",
    }
    content = {
        "type": "object",
        "required": ["sequence", "cloudevent"],
        "properties": {"sequence": number, "cloudevent": {"$ref": _SCHEMA.format(model="CloudEvent")}},
        "additionalProperties": False,
    }
    golden = {"sequence": 7, "cloudevent": contracts.example(InstanceStatusChanged)}
    example = {"name": "golden", "payload": {_EVENT: golden}}
    return {
        "name": _EVENT,
        "title": "An event",
        "summary": "Something happened: a CloudEvent of any type that the caller may see.",
        "payload": {
            "type": "object",
            "required": [_EVENT],
            "properties": {_EVENT: content},
            "additionalProperties": False,
        },
        "examples": [example],
    }


def _schemas(models: Sequence[type[Message]]) -> Json:
    _, collected = models_json_schema([(model, "serialization") for model in models], ref_template=_SCHEMA)
    return dict(sorted(collected["$defs"].items()))
