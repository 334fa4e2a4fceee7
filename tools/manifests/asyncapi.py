"""deploy/asyncapi/events.json: the event path as an AsyncAPI 3 document, for programs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic.json_schema import models_json_schema

from events import envelope, wire
from events.broker import bus
from events.catalog.load import load
from events.contracts import contracts
from events.event import Event
from functions.runtime.declarations import Declaration
from tools.manifests.asyncapi_channels import VERSION, Json, channels, server, short, subscribers
from tools.manifests.event_pages import what, when
from tools.manifests.producers import consumers, producers

FILE: Final = Path("deploy/asyncapi/events.json")

_SCHEMA: Final = "#/components/schemas/{model}"

_ABOUT: Final = (
    "What can happen in Botberi, as CloudEvents in structured mode on RabbitMQ. Every event goes to the topic exchange "
    f"`{bus.EXCHANGE}` with its type as the routing key; every subscriber has a quorum queue of its own. Delivery is "
    "at least once (deduplicate by `source` and `id`), in the order of commits for each subject. Operations that send "
    "are named after the rules that say something, those that receive after the subscribers. Ignore fields that you "
    "don't know."
)


def document(declarations: Sequence[Declaration]) -> str:
    """Return the document as JSON text."""
    models = list(load().values())
    whole = {
        "asyncapi": "3.0.0",
        "id": "urn:com:botberi:events",
        "info": {"title": "Botberi's events", "version": "1", "description": _ABOUT},
        "defaultContentType": wire.CONTENT_TYPE,
        "servers": {"event_bus": server()},
        "channels": channels(models, declarations),
        "operations": _operations(models, declarations),
        "components": {
            "messages": {short(model): _message(model) for model in models} | {"addressed": _addressed(models)},
            "schemas": _schemas(models),
            "correlationIds": {"correlation": {"location": "$message.payload#/correlationid"}},
            "securitySchemes": {
                "password": {
                    "type": "userPassword",
                    "description": "A RabbitMQ user a service, with few rights.",
                }
            },
        },
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _operations(models: Sequence[type[Event]], declarations: Sequence[Declaration]) -> Json:
    said = {
        f"{file.stem}.{short(model)}": _operation("send", short(model), what(model), [short(model)])
        for model in models
        for file in producers(model)
    }
    received = {
        each.deployment: _operation(
            "receive",
            each.deployment,
            each.summary,
            [short(model) for model in models if each in consumers(model, declarations)],
        )
        for each in subscribers(declarations)
    }
    others = {
        "address-postgres": _operation(
            "receive", "notify", "Another system says something to Postgres.", ["addressed"]
        ),
        "notify-postgres": _operation("receive", "notify.shared_psql", "It becomes a NOTIFY, once.", ["addressed"]),
        "gateway": _operation("receive", "gateway", "Browsers see them over a WebSocket, as in realtime.json.", []),
        "keep-dead-letters": _operation("receive", "dead-letters", "They become rows for administrators.", []),
    }
    return said | received | others


def _operation(action: str, channel: str, summary: str, messages: Sequence[str]) -> Json:
    binding = {"deliveryMode": 2, "mandatory": True} if action == "send" else {"ack": True}
    named = [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in messages]
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "bindings": {"amqp": binding | VERSION},
    } | ({"messages": named} if named else {})


def _message(model: type[Event]) -> Json:
    says = {
        "type": "object",
        "required": list(envelope.OURS),
        "properties": {"type": {"const": model.type}, "data": {"$ref": _SCHEMA.format(model=model.__name__)}},
    }
    example = {"name": "golden", "summary": what(model), "payload": contracts.example(model)}
    return {
        "name": model.type,
        "title": what(model),
        "summary": when(model),
        "contentType": wire.CONTENT_TYPE,
        "correlationId": {"$ref": "#/components/correlationIds/correlation"},
        "payload": {"allOf": [{"$ref": _SCHEMA.format(model="CloudEvent")}, says]},
        "bindings": {"amqp": {"messageType": model.type} | VERSION},
        "examples": [example],
    }


def _addressed(models: Sequence[type[Event]]) -> Json:
    """Return the message that becomes a NOTIFY: of any type, from anybody."""
    kinds = [
        {"properties": {"type": {"const": each.type}, "data": {"$ref": _SCHEMA.format(model=each.__name__)}}}
        for each in models
    ]
    said_by_us = contracts.example(models[0])
    by_another = {name: value for name, value in said_by_us.items() if name not in {*envelope.OURS, "actor"}}
    payload = by_another | {"source": "/example/crm", "channel": "orders"}
    return {
        "name": "addressed",
        "title": "An event of any type, addressed to Postgres.",
        "summary": "It becomes a NOTIFY on its `channel` of shared_psql, once for each source and id.",
        "contentType": wire.CONTENT_TYPE,
        "payload": {
            "allOf": [{"$ref": _SCHEMA.format(model="CloudEvent")}, {"required": ["channel"]}, {"oneOf": kinds}]
        },
        "examples": [{"name": "by_another_system", "payload": payload}],
    }


def _schemas(models: Sequence[type[Event]]) -> Json:
    _, collected = models_json_schema([(model, "validation") for model in models], ref_template=_SCHEMA)
    return {"CloudEvent": envelope.schema(), **contracts.opened(dict(sorted(collected["$defs"].items())))}
