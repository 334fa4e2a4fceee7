"""Readers: who follows a run in each of the ways that there are, and is cut off at random moments."""

import json
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from threading import Event
from typing import Final

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from core import http_client
from functions.services.realtime.protocol import PATH, SUBPROTOCOL
from shared_psql_models.runs import ENDED
from tools.chaos.kills.owners import Owner
from tools.documents import Document
from tools.harness.event_stream import frames

CUTS: Final = 3
"""How often each reader is cut off, at least."""

LONGEST: Final = 3.0
"""Seconds that a connection lasts at most, if the run takes long; it may be cut as soon as it begins."""

SHORTEST: Final = 1.5
"""What this is at least, however short the run: else those who come again would be all that there is to do."""

PATIENCE: Final = 30
"""The longest connection of a reader who wasn't told anything several times."""

STUCK: Final = 240
"""Seconds without anything new, after which a reader gives up."""

_PAUSE: Final = 0.05
"""Seconds before a reader comes again that wasn't served."""


@dataclass(frozen=True)
class Seen:
    """An event, as a reader was told it."""

    sequence: int
    type: str
    data: Document


@dataclass(frozen=True)
class Continued:
    """How a reader went on that had been cut off."""

    sequence: int
    """Of the first event that it was told."""
    began: float
    """When it began to connect, in seconds since 1970."""
    seconds: float
    """Until that event came."""


class Stuck(Exception):
    """Nothing new comes any more."""


class Follower(ABC):
    """Somebody who follows a run from its first event to its last."""

    name: str

    def __init__(self, run_id: str, chance: random.Random, seconds: float) -> None:
        """Follow a run that takes about so many seconds."""
        self.run_id = run_id
        self.seen: list[Seen] = []
        self.cuts = 0
        self.continued: list[Continued] = []
        self._chance = chance
        self._longest = min(LONGEST, max(SHORTEST, seconds))

    def follow(self, ended: Event) -> None:
        """Read until the run has ended and this was cut off often enough. Raises Stuck."""
        new, longest = time.monotonic(), self._longest
        while not ended.is_set():
            before = len(self.seen)
            self._read(self._chance.uniform(0.01, longest))
            self.cuts += 1
            # On a machine that has a lot to do nothing comes in so short a time.
            longest = self._longest if len(self.seen) > before else min(longest * 1.5, PATIENCE)
            if len(self.seen) > before:
                new = time.monotonic()
            elif time.monotonic() > new + STUCK:
                message = f"{self.name}: nothing came after {self.last} for {STUCK} s"
                raise Stuck(message)
            if self._is_over():
                if self.cuts >= CUTS:
                    return
                # It lost what it had from somewhere on, and reads that again.
                del self.seen[self._chance.randrange(len(self.seen)) :]

    @property
    def last(self) -> int:
        """The number of the last event that was told."""
        return self.seen[-1].sequence if self.seen else 0

    def _is_over(self) -> bool:
        return bool(self.seen) and self.seen[-1].type == "status" and self.seen[-1].data["status"] in ENDED

    def _read(self, seconds: float) -> None:
        first, at, began = True, time.time(), time.monotonic()
        try:
            for event in self.connect(seconds):
                if first and self.cuts:
                    self.continued.append(Continued(event.sequence, at, time.monotonic() - began))
                first = False
                self.seen.append(event)
                if self._is_over() or time.monotonic() > began + seconds:
                    return
        except (OSError, ValueError, KeyError, WebSocketException):
            if first:
                time.sleep(_PAUSE)

    @abstractmethod
    def connect(self, seconds: float) -> Iterator[Seen]:
        """Yield what follows the last event, over one connection that is cut off after so many seconds."""


@dataclass(frozen=True)
class Asked:
    """How a run was asked for."""

    instance_id: str
    key: str
    """By which the message makes one run, however often it is sent."""
    message: Mapping[str, object]

    @property
    def path(self) -> str:
        """Where the message was sent."""
        return f"/v1/instances/{self.instance_id}/messages"

    @property
    def by_ag_ui(self) -> Mapping[str, object]:
        """The same as a request of AG-UI."""
        said = {"id": "1", "role": "user", "content": self.message["text"]}
        return {"threadId": f"thread-{self.key}", "runId": self.key, "messages": [said]}


class Reader(Follower):
    """One who reads by the API."""

    def __init__(  # noqa: PLR0917 - each is a fact about what is read
        self, run_id: str, asked: Asked, owner: Owner, address: str, chance: random.Random, seconds: float
    ) -> None:
        """Read as `owner` from the API at an address."""
        super().__init__(run_id, chance, seconds)
        self.asked = asked
        self.owner = owner
        self.address = address

    def unserved(self, status: int) -> OSError:
        """Return what is raised where a connection was refused."""
        if status == HTTPStatus.UNAUTHORIZED:
            self.owner.forget_token()
        return ConnectionError(status)


class Stream(Reader):
    """Reads Server-Sent Events of the gateway, through the edge."""

    name = "stream"

    def connect(self, seconds: float) -> Iterator[Seen]:
        """Yield what follows."""
        headers = {**self.owner.authorization(), **({"Last-Event-ID": str(self.last)} if self.last else {})}
        url = f"{self.address}/v1/runs/{self.run_id}/stream"
        with http_client.exchange("GET", url, seconds=seconds, headers=headers) as response:
            if response.status == HTTPStatus.NO_CONTENT:
                return
            if response.status != HTTPStatus.OK:
                raise self.unserved(response.status)
            yield from _told(response.read1)


class Post(Stream):
    """Sends the message again, with its key, and reads the events in the answer; later those of the function itself."""

    name = "post"

    def connect(self, seconds: float) -> Iterator[Seen]:
        """Yield what follows."""
        headers = {
            **self.owner.authorization(),
            **({"Last-Event-ID": str(self.last)} if self.last else {}),
            "Accept": "text/event-stream",
            "Content-Type": "application/json",
            "Idempotency-Key": self.asked.key,
        }
        body = json.dumps(self.asked.message).encode()
        url = f"{self.address}{self.asked.path}"
        with http_client.exchange("POST", url, seconds=seconds, body=body, headers=headers) as response:
            if response.status != HTTPStatus.OK:
                raise self.unserved(response.status)
            for event in _told(response.read1):
                if event.sequence > self.last:
                    yield event


class Pages(Reader):
    """Asks for the events after the last again and again."""

    name = "pages"

    def connect(self, seconds: float) -> Iterator[Seen]:
        """Yield one page."""
        url = f"{self.address}/v1/runs/{self.run_id}/events?after={self.last}&limit=100"
        response = http_client.request("GET", url, seconds=seconds, headers=self.owner.authorization())
        if response.status != HTTPStatus.OK:
            raise self.unserved(response.status)
        for each in json.loads(response.body)["items"]:
            yield Seen(each["sequence"], each["type"], each["data"])
        time.sleep(self._chance.uniform(0.1, 0.5))


class Feed(Reader):
    """Follows the run over the WebSocket of the gateway, through the edge."""

    name = "feed"

    def connect(self, seconds: float) -> Iterator[Seen]:
        """Yield what follows."""
        end = time.monotonic() + seconds
        url = f"{self.address.replace('http', 'ws', 1)}{PATH}"
        token = self.owner.authorization()["Authorization"].removeprefix("Bearer ")
        opened = connect(
            url, subprotocols=[Subprotocol(SUBPROTOCOL)], proxy=None, open_timeout=seconds, close_timeout=0
        )
        try:
            opened.send(json.dumps({"authenticate": {"token": token}}))
            opened.send(json.dumps({"follow": {"run_id": self.run_id, "after": self.last}}))
            while (left := end - time.monotonic()) > 0:
                told = json.loads(opened.recv(left))
                if "run_event" in told:
                    event = told["run_event"]
                    yield Seen(event["sequence"], event["type"], event["data"])
                elif "run_ended" in told:
                    return
        finally:
            # As a machine does whose network is gone: no goodbye.
            opened.socket.close()


def _told(read: Callable[[int], bytes]) -> Iterator[Seen]:
    """Yield the events that Server-Sent Events tell."""
    for told in frames(read):
        if "id" in told:
            yield Seen(int(told["id"]), told["event"], json.loads(told["data"]))
