"""Reads what exists from RabbitMQ's management interface: AMQP can make queues and bindings, and list neither."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError
from urllib3 import make_headers

from core import http_client
from core.configuration import secret, setting
from core.logs import said

TIMEOUT: Final = 10
"""Seconds that an answer may take."""


class ManagementError(Exception):
    """The management interface can't be asked; the message says why."""


@dataclass(frozen=True)
class Queue:
    """The properties of a queue that exists."""

    arguments: dict[str, JsonValue]
    durable: bool


@dataclass(frozen=True)
class Existing:
    """What exists in the virtual host."""

    exchanges: dict[str, str]
    """Types by name."""
    queues: dict[str, Queue]
    """By name."""
    bindings: frozenset[tuple[str, str, str]]
    """Exchange, queue and routing key; without those of the default exchange."""


class _Queue(BaseModel):
    name: str
    arguments: dict[str, JsonValue]
    durable: bool


class _Exchange(BaseModel):
    name: str
    type: str


class _Binding(BaseModel):
    source: str
    destination: str
    routing_key: str


_Found = TypeVar("_Found")


def look() -> Existing:
    """Ask what exists, or raise ManagementError."""
    queues = _ask("queues", TypeAdapter(list[_Queue]), "?disable_stats=true")
    bindings = _ask("bindings", TypeAdapter(list[_Binding]))
    return Existing(
        {each.name: each.type for each in _ask("exchanges", TypeAdapter(list[_Exchange]))},
        {each.name: Queue(each.arguments, each.durable) for each in queues},
        frozenset((each.source, each.destination, each.routing_key) for each in bindings if each.source),
    )


def _ask(kind: str, form: TypeAdapter[_Found], query: str = "") -> _Found:
    """Return all objects of a kind in the virtual host as `form` reads them, or raise ManagementError."""
    address, _, vhost = setting("EVENT_BUS_URL").partition("/")
    url = setting("EVENT_BUS_MANAGEMENT_URL", f"http://{address.partition(':')[0]}:15672")
    place = f"{url.rstrip('/')}/api/{kind}/{quote(vhost or '/', safe='')}{query}"
    headers = make_headers(basic_auth=f"botberi_admin:{secret('event-bus-admin')}")
    try:
        response = http_client.request("GET", place, seconds=TIMEOUT, headers=headers)
    except OSError as error:
        raise ManagementError(f"{url} can't be reached: {said(error)}") from error
    if response.status != HTTPStatus.OK:
        raise ManagementError(f"{url} answered {response.status}")
    try:
        return form.validate_json(response.body)
    except ValidationError as error:
        raise ManagementError(f"{url} answered what is no list of {kind}") from error
