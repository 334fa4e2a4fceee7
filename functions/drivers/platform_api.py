"""JSON over HTTP to the platform that a driver deploys on, with what is the same for all of them said once."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from pydantic import JsonValue

from core import http_client
from core.http_client import Address
from functions.drivers.base import DriverUnavailable

SECONDS: Final = 5.0
"""What one request may take, unless its driver says otherwise."""

MOST_BYTES: Final = 32 * 1024 * 1024
"""Of an answer: a list of a few thousand functions. What is longer is taken for no answer."""

MOST_LOG_BYTES: Final = 1024 * 1024

_WORDS: Final = 1000
"""Characters kept of what a platform says about an error."""

_CONFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})


@dataclass(frozen=True)
class Answer:
    """What a platform answered: success, or an error that is about the request."""

    status: int
    body: bytes

    @property
    def is_ok(self) -> bool:
        """Return whether it did what it was asked for."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def words(self) -> str:
        """Return what it says about an error, for people: the `message` of a JSON object, or all of a text."""
        said = self.body.decode(errors="replace").strip()
        try:
            found = json.loads(said)
        except ValueError:
            found = None
        return str(found["message"] if isinstance(found, dict) and "message" in found else said)[:_WORDS]

    def parsed(self) -> JsonValue:
        """Return its JSON. Raises DriverUnavailable if that isn't what it is."""
        try:
            found: JsonValue = json.loads(self.body)
        except ValueError:
            raise DriverUnavailable(f"the platform answered no JSON: {self.words}") from None
        return found

    def expect(self, *others: HTTPStatus) -> bool:
        """Return whether it did what it was asked for; False for one of the other answers that the caller can do with.

        Raises DriverUnavailable for any else.
        """
        if not self.is_ok and self.status not in others:
            raise self.refused()
        return self.is_ok

    def refused(self) -> DriverUnavailable:
        """Return the error for an answer that nobody expects."""
        return DriverUnavailable(f"the platform answered {self.status}: {self.words}")


@dataclass(frozen=True)
class PlatformApi:
    """A platform's API."""

    address: Address
    """Its URL has no slash at the end."""
    headers: Callable[[], Mapping[str, str]] = dict
    """What every request carries; asked for each time, since tokens are renewed where they lie."""
    seconds: float = SECONDS

    def ask(
        self, method: str, path: str, body: JsonValue = None, *, kind: str = "application/json", seconds: float = 0
    ) -> Answer:
        """Return an answer that is no fault of the platform, of 32 MiB at most.

        `kind` is the content type of `body`; `seconds` are the platform's own unless given. Raises OSError when there
        is no answer in time, and DriverUnavailable when it is about the platform: a fault (500 and above), too much to
        do (429), or that we aren't let in (401, 403).
        """
        address = replace(self.address, url=self.address.url + path)
        headers = {**self.headers(), "Accept": "application/json"}
        content = None
        if body is not None:
            headers["Content-Type"] = kind
            content = json.dumps(body).encode()
        limit = seconds or self.seconds
        with http_client.exchange(method, address, seconds=limit, body=content, headers=headers) as response:
            read = response.read(MOST_BYTES + 1)
        answer = Answer(response.status, read)
        if len(read) > MOST_BYTES or answer.status in _CONFUSED or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise answer.refused()
        return answer

    def lines(self, path: str) -> list[bytes]:
        """Return the lines of an answer of a MiB at most; none if there is no such thing."""
        answer = self.ask("GET", path)
        return answer.body[-MOST_LOG_BYTES:].splitlines() if answer.is_ok else []


def mapping(value: JsonValue, *names: str) -> dict[str, JsonValue]:
    """Return the object under a path of names; an empty one where something else is, or nothing."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def mappings(value: JsonValue) -> list[dict[str, JsonValue]]:
    """Return the objects of a list; none if it isn't one."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def text(value: JsonValue) -> str:
    """Return a string, and an empty one for anything else."""
    return value if isinstance(value, str) else ""


def number(value: JsonValue) -> int:
    """Return a whole number, also one that is written as text; 0 for anything else."""
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    return value if isinstance(value, int) else 0


def moment(value: JsonValue) -> datetime:
    """Return a time, also one in seconds since 1970; that year for anything else."""
    with suppress(ValueError):
        found = datetime.fromisoformat(text(value) or datetime.fromtimestamp(number(value), UTC).isoformat())
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return datetime.fromtimestamp(0, UTC)
