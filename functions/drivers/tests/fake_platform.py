"""What the platforms of these tests have in common: an HTTP server with a state, and faults told beforehand."""

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit


class Fault(Enum):
    """What goes wrong with a request."""

    REFUSED = auto()
    """It isn't done, and the answer is a 503."""
    HALF = auto()
    """It is done, and the answer is a 500."""
    LOST = auto()
    """It is done, and the connection ends without an answer."""
    SLOW = auto()
    """It is done, and nobody waits long enough for the answer."""


@dataclass(frozen=True)
class Asked:
    """A request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


Reply = tuple[int, object]
"""The status, and JSON, text or bytes."""


@dataclass
class FakePlatform(ABC):
    """A platform. Subclasses answer requests; images are known by their names' last part."""

    faults: list[tuple[Callable[[Asked], bool], Fault]] = field(default_factory=list)
    """Which requests, and what goes wrong with the first of them."""
    asked: list[Asked] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    over: threading.Event = field(default_factory=threading.Event)
    """Set at the end of the test: nothing is slow any more."""
    url: str = ""
    meanwhile: Callable[[Asked], object] | None = None
    """What somebody else does between the next change and the look before it."""

    @abstractmethod
    def answer(self, asked: Asked) -> Reply:
        """Do what is asked."""

    def breaks(self, fault: Fault, method: str, path: str = "") -> None:
        """Have the next request of a method, whose path has this in it, go wrong."""
        self.faults.append((lambda asked: asked.method == method and path in asked.path, fault))

    def fault_of(self, asked: Asked) -> Fault | None:
        """Return what goes wrong with a request, once."""
        for each in self.faults:
            if each[0](asked):
                self.faults.remove(each)
                return each[1]
        return None


def image(kind: str) -> str:
    """Return an image that is `good`, `missing`, `refused`, `ends` by itself, or is `silent` for ever."""
    return f"registry.example/agents/{kind}:1"


def kind_of(reference: str) -> str:
    """Return the kind of an image of these tests."""
    return reference.rpartition("/")[2].partition(":")[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    platform: FakePlatform

    def _handle(self) -> None:
        split = urlsplit(self.path)
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        body = json.loads(content) if content else None
        asked = Asked(self.command, split.path, query, {k.lower(): v for k, v in self.headers.items()}, body)
        platform = self.platform
        with platform.lock:
            platform.asked.append(asked)
            meanwhile = platform.meanwhile
            if meanwhile is not None and asked.method != "GET":
                platform.meanwhile = None
                meanwhile(asked)
            fault = platform.fault_of(asked)
            status, reply = (503, "busy") if fault == Fault.REFUSED else platform.answer(asked)
        if fault == Fault.HALF:
            status, reply = 500, "something went wrong"
        if fault == Fault.SLOW:
            platform.over.wait(60)
        self.close_connection = True
        if fault in {Fault.LOST, Fault.SLOW}:
            return
        sent = (
            reply
            if isinstance(reply, bytes)
            else reply.encode()
            if isinstance(reply, str)
            else json.dumps(reply).encode()
        )
        self.send_response(status)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle

    def log_message(self, *_: object) -> None:
        pass


LOOPBACK: Final = "127.0.0.1"


@contextmanager
def serving(platform: FakePlatform) -> Iterator[None]:
    """Serve it on a free port of this machine, which becomes its `url`."""
    handler = type("Handler", (_Handler,), {"platform": platform})
    with ThreadingHTTPServer((LOOPBACK, 0), handler) as server:
        server.daemon_threads = True
        platform.url = f"http://{LOOPBACK}:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield
        finally:
            platform.over.set()
            server.shutdown()
