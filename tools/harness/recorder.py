"""A stand-in for the functions at the outer edge: it answers as it is told, and remembers what it was called with."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from events.signing import Keys, NotSignedError, verify
from events.wire import BATCH_CONTENT_TYPE
from tools.documents import Document

Event = Document

HANDLED: Final = 200


def _handled(_event: Event) -> int:
    return HANDLED


@dataclass
class Recorder:
    """Functions under `http://127.0.0.1:<port>/function/<name>`."""

    answers: dict[str, Callable[[Event], int]] = field(default_factory=dict)
    """By function: the status for an event; 200 where none is given. Of a batch it is the first other than 200."""
    calls: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    """By function: every event, in the order in which the calls began."""
    handled: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    """By function: every event that was answered with 200."""
    headers: list[dict[str, str]] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)
    """Functions that are not there, as a gateway says it of those that aren't deployed."""
    keys: Keys = field(default_factory=Keys)
    refused: int = 0
    """Calls that were not signed."""
    delay: float = 0.0

    def __post_init__(self) -> None:
        """Start with nothing recorded and no server."""
        self.lock = threading.Lock()
        self.server: ThreadingHTTPServer | None = None
        self.port = 0

    def start(self) -> None:
        """Listen; on the same port as before, if there was one."""
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                function = self.path.removesuffix("/_/ready").rpartition("/")[2]
                self._answer(404 if function in recorder.missing else 200, "text/plain")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = recorder.answer(self.path.rpartition("/")[2], body, dict(self.headers))
                self._answer(status, "application/problem+json")

            def _answer(self, status: int, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        ThreadingHTTPServer.allow_reuse_address = True
        ThreadingHTTPServer.daemon_threads = True
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening; `start` listens on the same port again."""
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def answer(self, function: str, body: bytes, headers: dict[str, str]) -> int:
        """Record a delivery and return the status to answer it with: 401 where it isn't signed."""
        try:
            verify(self.keys.current(), function, {name.lower(): value for name, value in headers.items()}, body)
        except NotSignedError:
            self.refused += 1
            return 401
        read = json.loads(body)
        events = read if headers["Content-Type"] == BATCH_CONTENT_TYPE else [read]
        with self.lock:
            self.calls[function].extend(events)
            self.headers.append(headers)
            # A call that began before `forget` is none of what comes after it, however long it takes.
            handled = self.handled[function]
        if self.delay:
            time.sleep(self.delay)
        statuses = map(self.answers.get(function, _handled), events)
        status = next((each for each in statuses if each != HANDLED), HANDLED)
        if status == HANDLED:
            handled.extend(events)
        return status

    def subjects(self, function: str) -> list[str]:
        """Return the subjects of what a function handled."""
        return [event["subject"] for event in self.handled[function]]

    def received(self, function: str, ids: list[str]) -> list[str]:
        """Return which of the events with these ids a function handled, in order; others' may come in between."""
        return [event["id"] for event in self.handled[function] if event["id"] in ids]

    def found(self, function: str, event_id: str) -> Event | None:
        """Return an event as a function handled it; None if it did not."""
        return next((event for event in self.handled[function] if event["id"] == event_id), None)

    def forget(self) -> None:
        """Forget every call and every answer that was set, as if just made; goes on listening."""
        self.answers.clear()
        self.calls.clear()
        self.handled.clear()
        self.headers.clear()
        self.missing.clear()
        self.delay = 0.0
