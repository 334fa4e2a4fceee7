"""Whoever watches RabbitMQ finds what is wrong with a message."""

import json
from typing import Any, Final

import pika
import pytest

from events.broker import bus
from events.catalog.agents import AgentCreated
from events.contracts import contracts
from events.wire import CONTENT_TYPE
from testing.watcher import complaints

Json = dict[str, Any]

GOOD: Final = contracts.example(AgentCreated)


def seen(event: Json, *, exchange: str = bus.EXCHANGE, key: str = AgentCreated.type, **properties: Any) -> list[str]:
    """Return the complaints about a message."""
    as_promised = {"content_type": CONTENT_TYPE, "delivery_mode": 2, "message_id": GOOD["id"], "type": GOOD["type"]}
    return list(
        complaints(exchange, key, pika.BasicProperties(**(as_promised | properties)), json.dumps(event).encode())
    )


def without(*names: str) -> Json:
    return {name: value for name, value in GOOD.items() if name not in names}


def test_what_is_as_promised_is_fine() -> None:
    assert seen(GOOD) == []
    assert seen(without("sequence", "partitionkey", "actor"), exchange=bus.NOTIFY_EXCHANGE, key="any") == []


@pytest.mark.parametrize(
    "properties",
    [{"content_type": "application/json"}, {"delivery_mode": 1}, {"message_id": "evt_2"}, {"type": "x"}, {"key": "x"}],
    ids=lambda each: next(iter(each)),
)
def test_a_message_must_be_what_its_event_says(properties: Json) -> None:
    [complaint] = seen(GOOD, **properties)
    assert next(iter(properties)).replace("key", "routing key") in complaint


@pytest.mark.parametrize(
    "event",
    [
        GOOD | {"subject": "ends with a space "},
        GOOD | {"subject": "ümlaut"},
        GOOD | {"time": "yesterday"},
        GOOD | {"Extension": "x"},
        GOOD | {"a" * 21: "x"},
        GOOD | {"datacontenttype": "text/plain"},
        GOOD | {"dataschema": "/v1/event-types/com.botberi.agent.created.v1/schema"},
        GOOD | {"dataschema": "https://api.example.com/v1/event-types/com.botberi.agent.changed.v1/schema"},
        GOOD | {"sequence": "42"},
        GOOD | {"traceparent": "00-1-2-3"},
        GOOD | {"data": GOOD["data"] | {"slug": None}},
        GOOD | {"data": GOOD["data"] | {"more": 1}},
        GOOD | {"data": {}},
        *(without(name) for name in GOOD if name not in {"traceparent", "correlationid"}),
    ],
    ids=lambda event: next((f"{k}={v}" for k, v in event.items() if GOOD.get(k) != v), str({*GOOD} - {*event})),
)
def test_an_event_must_fit_the_envelope_and_its_schema(event: Json) -> None:
    assert seen(event) != []


def test_a_type_must_be_in_the_catalog() -> None:
    unknown = "com.botberi.thing.gone.v1"
    dataschema = GOOD["dataschema"].replace(GOOD["type"], unknown)
    assert seen(GOOD | {"type": unknown, "dataschema": dataschema}, key=unknown, type=unknown) == [
        f"the catalog has no {unknown}"
    ]
