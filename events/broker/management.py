"""Reads what exists from RabbitMQ's management interface: AMQP can make queues and bindings, and list neither."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from pydantic import JsonValue
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


def look() -> Existing:
    """Ask what exists, or raise ManagementError."""
    queues = {each["name"]: Queue(each["arguments"], each["durable"]) for each in _ask("queues", "?disable_stats=true")}
    bindings = ((each["source"], each["destination"], each["routing_key"]) for each in _ask("bindings"))
    exchanges = {each["name"]: each["type"] for each in _ask("exchanges")}
    return Existing(exchanges, queues, frozenset(each for each in bindings if each[0]))


def _ask(kind: str, query: str = "") -> list[dict[str, Any]]:
    """Return everything of a kind in the virtual host."""
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
    found: list[dict[str, JsonValue]] = json.loads(response.body)
    return found
